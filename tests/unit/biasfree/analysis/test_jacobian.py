import pytest
import torch
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from biasfree.analysis.jacobian import Jacobian, OutOfMemoryBudget
from biasfree.architectures import DnCNN
from tests.unit.biasfree.analysis.networks import (
    BIAS_FREE,
    CHANNELS,
    jacobian_pixel_by_pixel,
    network,
    noisy_patch,
)

EXACT = 1e-10
SHAPES = [(6, 6), (5, 7), (1, 1), (9, 2)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", CHANNELS)
def test_the_operator_is_the_jacobian_of_one_backward_pass_a_pixel(name: str, shape: tuple[int, int]) -> None:
    """A v, A^T u and the matrix equal what plain autograd gives, one output value at a time."""
    noisy = noisy_patch(name, *shape)
    expected = jacobian_pixel_by_pixel(network(name), noisy)
    jacobian = Jacobian(network(name), noisy)
    identity = torch.eye(jacobian.size, dtype=torch.float64).view(-1, *noisy.shape)
    torch.testing.assert_close(jacobian.matvec(identity).flatten(1).T, expected, rtol=0, atol=EXACT)
    torch.testing.assert_close(jacobian.rmatvec(identity).flatten(1), expected, rtol=0, atol=EXACT)
    torch.testing.assert_close(jacobian.dense(memory_bytes=10**6), expected, rtol=0, atol=EXACT)


@pytest.mark.parametrize(
    "name", ["shipped gray", "shipped color", "resunet, silent channels", "dncnn", "unet", "rcnn", "sdensenet"]
)
def test_windows_and_silent_channels_change_nothing(name: str) -> None:
    """A patch of many blocks, most of whose vectors stay inside a part of it, still gives the exact rows."""
    # As many values in color as in gray, about: the matrix grows with their square.
    noisy = noisy_patch(name, 15, 20) if CHANNELS[name] == 1 else noisy_patch(name, 9, 13)
    matrix = Jacobian(network(name), noisy).dense(memory_bytes=10**8)
    image = noisy[None].clone().requires_grad_()
    values = network(name)(image).flatten()
    for index in (0, 17, values.numel() // 2, values.numel() - 1):
        (row,) = torch.autograd.grad(values[index], image, retain_graph=True)
        torch.testing.assert_close(matrix[index], row.flatten(), rtol=0, atol=EXACT)


def test_silent_channels_are_left_out() -> None:
    """Otherwise the test above would say nothing about them."""
    jacobian = Jacobian(network("resunet, silent channels"), noisy_patch("resunet, silent channels", 24, 33))
    units = [relus.preactivations.shape[1] for relus in jacobian.relus]
    kept = [gains.shape[1] for gains in jacobian._linear._gains]
    assert sum(kept) < sum(units)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", BIAS_FREE)
def test_a_network_without_additive_constants_is_its_jacobian(name: str, shape: tuple[int, int]) -> None:
    """f(y) = A y."""
    noisy = noisy_patch(name, *shape)
    jacobian = Jacobian(network(name), noisy)
    torch.testing.assert_close(jacobian.denoised, network(name)(noisy[None])[0], rtol=0, atol=EXACT)
    torch.testing.assert_close(jacobian.matvec(noisy[None])[0], jacobian.denoised, rtol=0, atol=EXACT)


@pytest.mark.parametrize("name", [name for name in CHANNELS if "bias" in name])
def test_the_net_bias_is_what_the_jacobian_does_not_explain(name: str) -> None:
    """b = f(y) - A y, and not zero."""
    noisy = noisy_patch(name, 6, 7)
    jacobian = Jacobian(network(name), noisy)
    explained = (jacobian_pixel_by_pixel(network(name), noisy) @ noisy.flatten()).view(noisy.shape)
    torch.testing.assert_close(jacobian.net_bias, network(name)(noisy[None])[0] - explained, rtol=0, atol=EXACT)
    assert jacobian.net_bias.norm() > 1e-3


@pytest.mark.parametrize("name", CHANNELS)
def test_rmatvec_is_the_adjoint_of_matvec(name: str) -> None:
    """<A v, u> = <v, A^T u>."""
    noisy = noisy_patch(name, 17, 16)
    jacobian = Jacobian(network(name), noisy)
    generator = torch.Generator().manual_seed(1)
    u, v = torch.randn((2, 4, *noisy.shape), generator=generator, dtype=torch.float64)
    torch.testing.assert_close((jacobian.matvec(v) * u).sum(), (v * jacobian.rmatvec(u)).sum(), rtol=1e-10, atol=0)


@pytest.mark.parametrize("name", ["shipped gray", "shipped color"])
def test_float32_is_near_float64(name: str) -> None:
    """In the precision of the service the matrix is off by rounding."""
    noisy = noisy_patch(name, 12, 12)
    exact = Jacobian(network(name), noisy).dense(memory_bytes=10**8)
    single = Jacobian(network_in_float32(name), noisy.float()).dense(memory_bytes=10**8)
    torch.testing.assert_close(single.double(), exact, rtol=0, atol=1e-5)


def test_the_network_is_linearised_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No product runs a ReLU again: the image has been through the network once, whatever follows."""
    noisy = noisy_patch("shipped gray", 16, 16)
    with _CountRelus() as before:
        jacobian = Jacobian(network("shipped gray"), noisy)
    vectors = torch.randn(5, *noisy.shape, dtype=torch.float64)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)  # the count is this thread's
    with _CountRelus() as after:
        jacobian.matvec(vectors)
        jacobian.rmatvec(vectors)
        jacobian.dense(memory_bytes=10**7)
    assert before.calls == len(jacobian.relus)
    assert after.calls == 0


def test_a_matrix_beyond_its_memory_is_refused_with_the_numbers() -> None:
    """64 values take 64 * 64 * 8 bytes."""
    jacobian = Jacobian(network("dncnn"), noisy_patch("dncnn", 8, 8))
    with pytest.raises(OutOfMemoryBudget, match="takes 32768 bytes, more than the limit of 32767"):
        jacobian.dense(memory_bytes=64 * 64 * 8 - 1)


class _Altered(DnCNN):
    """A small network with something around it."""

    def __init__(self, around) -> None:
        super().__init__(depth=3, width=4, normalise=False)
        self.around = around

    def forward(self, noisy: torch.Tensor) -> torch.Tensor:
        return self.around(super().forward(noisy))

    def folded(self) -> "_Altered":
        return self


@pytest.mark.parametrize(
    ("around", "message"),
    [
        (torch.sigmoid, "sigmoid is not known to be linear"),
        (lambda image: F.pad(image, (1, 1, 1, 1), value=1), "pad is not known to be linear"),
        (lambda image: F.conv2d(input=image, weight=torch.ones(1, 1, 1, 1)), "conv2d takes an image by keyword"),
    ],
)
def test_what_is_not_linear_is_refused(around, message: str) -> None:
    """It would be linearised wrongly without a word."""
    with pytest.raises(TypeError, match=message):
        Jacobian(_Altered(around).eval(), torch.rand(1, 6, 6))


def network_in_float32(name: str) -> torch.nn.Module:
    """A copy of a network in single precision."""
    wide = network(name)
    narrow = type(wide)(**wide.arguments)
    narrow.load_state_dict(wide.state_dict())
    return narrow.float().eval().requires_grad_(False)


class _CountRelus(TorchDispatchMode):
    """Counts ReLUs, leaky or not, that are computed."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.calls += function in (torch.ops.aten.relu.default, torch.ops.aten.leaky_relu.default)
        return function(*args, **(kwargs or {}))
