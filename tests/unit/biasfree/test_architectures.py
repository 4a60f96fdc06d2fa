"""Laws that every architecture keeps."""

from collections.abc import Iterator

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from biasfree.architectures import DnCNN, Network, RecurrentCNN, ResUNet, SimplifiedDenseNet, UNet, build
from biasfree.architectures.norm import BiasFreeBatchNorm2d
from biasfree.architectures.rcnn import drawn_stages

#: Small ones of each kind; the last has three scales, as the served network.
NETWORKS = {
    "dncnn": ("dncnn", {"channels": 1, "depth": 5, "width": 6}),
    "dncnn without norm, colour": ("dncnn", {"channels": 3, "depth": 4, "width": 6, "normalise": False}),
    "resunet of one scale": ("resunet", {"channels": 1, "widths": [5], "blocks": 1, "bottom_blocks": 1}),
    "resunet, colour": ("resunet", {"channels": 3, "widths": [4, 6], "blocks": 2, "bottom_blocks": 1}),
    "resunet with leaky ReLUs": (
        "resunet",
        {"channels": 1, "widths": [4, 6], "blocks": 1, "bottom_blocks": 1, "slope": 0.1},
    ),
    "resunet whose head replicates": (
        "resunet",
        {"channels": 1, "widths": [4, 6], "blocks": 1, "bottom_blocks": 1, "head": "replicate"},
    ),
    "resunet whose head is blind to constants": (
        "resunet",
        {"channels": 3, "widths": [4, 6], "blocks": 1, "bottom_blocks": 1, "head": "zero-mean"},
    ),
    "resunet that clips outliers": (
        "resunet",
        {"channels": 1, "widths": [4, 5], "blocks": 1, "bottom_blocks": 1, "head": "zero-mean", "clip_outliers": True},
    ),
    "resunet of three scales": ("resunet", {"channels": 1, "widths": [4, 5, 6], "blocks": 1, "bottom_blocks": 1}),
    "unet": ("unet", {"channels": 1, "width": 4}),
    "unet, colour": ("unet", {"channels": 3, "width": 3}),
    "rcnn": ("rcnn", {"channels": 1, "stages": 2, "width": 4}),
    "rcnn, colour": ("rcnn", {"channels": 3, "stages": 2, "width": 5}),
    "sdensenet": ("sdensenet", {"channels": 1, "stages": 3, "width": 4}),
    "sdensenet, colour": ("sdensenet", {"channels": 3, "stages": 2, "width": 5}),
}
every_network = pytest.mark.parametrize("name", NETWORKS)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Tiny networks lose more to threads that wait for each other than they gain."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def network(name: str, *, bias: bool = False) -> Network:
    """In evaluation mode and float64, every weight, constant and running statistic random and none of them zero."""
    architecture, arguments = NETWORKS[name]
    built = build(architecture, {**arguments, "bias": bias}).double().eval()
    generator = torch.Generator().manual_seed(0)
    for value in built.state_dict().values():
        if value.is_floating_point():
            value.copy_(torch.randn(value.shape, generator=generator) * 0.3)
    for key, value in built.state_dict().items():
        if key.endswith("running_var"):
            value.abs_().add_(0.5)
    return built


def noisy(net: Network, height: int, width: int, *, batch: int = 1) -> torch.Tensor:
    """Random (B, C, H, W) float64."""
    shape = (batch, int(net.arguments["channels"]), height, width)
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@every_network
@pytest.mark.parametrize("a", [0.01, 0.5, 7.0, 1000.0])
def test_without_bias_scaling_the_input_scales_the_output(name: str, a: float) -> None:
    """f(a y) = a f(y)."""
    net = network(name)
    y = noisy(net, 19, 22)
    assert torch.allclose(net(a * y), a * net(y), rtol=1e-10, atol=1e-10 * a)


@every_network
def test_with_bias_scaling_the_input_does_not_scale_the_output(name: str) -> None:
    """The law is that of the missing constants."""
    net = network(name, bias=True)
    y = noisy(net, 19, 22)
    error = (net(7 * y) - 7 * net(y)).norm() / (7 * net(y)).norm()
    assert float(error.detach()) > 1e-3


@every_network
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 3), (8, 8), (13, 9), (16, 31)], ids=str)
def test_any_size_comes_back_as_it_was(name: str, size: tuple[int, int]) -> None:
    """Odd ones and a single pixel too, in a batch whose images do not see each other."""
    net = network(name)
    y = noisy(net, *size, batch=3)
    assert net(y).shape == y.shape
    assert torch.allclose(net(y)[1:2], net(y[1:2]), atol=1e-12)


def reach(net: Network, place: int, side: int) -> int:
    """Largest distance along an axis from an output pixel (place, place) to an input that it depends on."""
    y = noisy(net, side, side).requires_grad_()
    (gradient,) = torch.autograd.grad(net(y)[0, :, place, place].sum(), y)
    rows, columns = gradient[0].abs().sum(dim=0).nonzero(as_tuple=True)
    return int(max((rows - place).abs().max(), (columns - place).abs().max()))


@every_network
def test_no_output_depends_on_inputs_beyond_the_receptive_radius(name: str) -> None:
    """At every place of a stride cell; and the bound is tight to within one cell."""
    net = network(name)
    # Positive weights keep every ReLU open for positive features: nothing is hidden by a mask.
    opened = network(name)
    for parameter in opened.parameters():
        parameter.data.abs_()
    radius, stride = net.receptive_radius, net.stride
    start = -(-radius // stride) * stride + stride
    side = 2 * start + stride
    reaches = [(reach(net, start + offset, side), reach(opened, start + offset, side)) for offset in range(stride)]
    assert max(max(pair) for pair in reaches) <= radius
    # Limits move with one pixel of each cell, and only where something is clipped: derivatives do not show their reach.
    if not net.arguments.get("clip_outliers"):
        assert max(masked for _, masked in reaches) > radius - stride


@every_network
def test_shift_by_the_stride_shifts_the_output(name: str) -> None:
    """Away from the borders."""
    net = network(name)
    margin = net.receptive_radius + net.stride
    side = -(-(2 * margin + 4) // net.stride) * net.stride
    y = noisy(net, side, side)
    rolled = torch.roll(y, (net.stride, net.stride), dims=(2, 3))
    expected = torch.roll(net(y), (net.stride, net.stride), dims=(2, 3))
    inside = slice(margin, side - margin)
    assert torch.allclose(net(rolled)[..., inside, inside], expected[..., inside, inside], atol=1e-12)


@every_network
def test_multiply_adds_are_those_that_torch_counts(name: str) -> None:
    """On an image that needs no padding."""
    net = network(name)
    side = 4 * net.stride
    with FlopCounterMode(display=False) as counter:
        net(noisy(net, side, side))
    assert counter.get_total_flops() / 2 == net.macs_per_pixel * side**2


@pytest.mark.parametrize(
    ("architecture", "bias_free", "biased"),
    [
        (DnCNN, 665_856, 665_856 + 19 * 64 + 1 + 18 * 64),  # constants of the convolutions, and of the batch norm
        (ResUNet, 1_632_512, 1_632_512 + 8 * 32 + 8 * 64 + 8 * 128 + 32 + 64 + 128 + 64 + 32 + 4),
        (UNet, 233_024, 233_024 + 3 * 32 + 5 * 64),
        (RecurrentCNN, 186_048, 186_048 + 6 * 64),
        (SimplifiedDenseNet, 757_440, 757_440 + 4 * 6 * 64 + 3 * 5),
    ],
    ids=lambda each: each.__name__ if isinstance(each, type) else str(each),
)
def test_default_networks_have_the_expected_number_of_weights(
    architecture: type[Network], bias_free: int, biased: int
) -> None:
    """Those of the paper, and the network that is served, each without and with additive constants."""
    assert architecture(bias=False).parameter_count == bias_free
    assert architecture(bias=True).parameter_count == biased


def test_without_normalisation_a_deep_network_begins_with_features_of_the_size_of_its_image() -> None:
    """So that twenty layers are trained without it."""
    torch.manual_seed(0)
    net, sizes = DnCNN(normalise=False), []
    net.tail.register_forward_pre_hook(lambda _, inputs: sizes.append(inputs[0].square().mean().sqrt().item()))
    image = torch.rand(1, 1, 48, 48)
    net(image)
    assert 0.1 < sizes[0] / image.square().mean().sqrt().item() < 10


def test_a_zero_mean_head_lets_a_constant_of_each_channel_pass() -> None:
    """f(y + c) = f(y) + c, at the borders too; and no other head does."""
    net, other = network("resunet whose head is blind to constants"), network("resunet, colour")
    y = noisy(net, 13, 10)
    constant = torch.tensor([3.0, -7.0, 50.0], dtype=y.dtype)[None, :, None, None]
    assert torch.allclose(net(y + constant), net(y) + constant, rtol=0, atol=1e-10)
    assert torch.allclose(net.folded()(y + constant), net(y) + constant, rtol=0, atol=1e-10)
    assert not torch.allclose(other(y + constant), other(y) + constant, rtol=0, atol=1e-2)


@every_network
def test_arguments_build_the_same_network_again(name: str) -> None:
    """What a card keeps is enough."""
    net = network(name)
    again = build(NETWORKS[name][0], net.arguments).double().eval()
    again.load_state_dict(net.state_dict())
    assert torch.equal(again(noisy(net, 9, 9)), net(noisy(net, 9, 9)))


@every_network
def test_output_is_the_jacobian_applied_to_the_input(name: str) -> None:
    """J(y) y = f(y)."""
    net = network(name)
    y = noisy(net, 11, 14)
    denoised, along = torch.func.jvp(net, (y,), (y,))
    assert torch.allclose(denoised, along, rtol=1e-10, atol=1e-10)


@every_network
@pytest.mark.parametrize("bias", [False, True])
def test_folded_network_is_the_same_map_without_normalisation(name: str, bias: bool) -> None:
    """In evaluation mode."""
    net = network(name, bias=bias)
    folded = net.folded()
    assert not [module for module in folded.modules() if isinstance(module, (BiasFreeBatchNorm2d, nn.BatchNorm2d))]
    y = noisy(net, 12, 15, batch=2)
    assert torch.allclose(folded(y), net(y), rtol=1e-10, atol=1e-10)


def test_bias_free_norm_has_degree_zero_in_training() -> None:
    """The batch's own deviation cancels the scale; in evaluation the gain is fixed, which is degree one."""
    norm = BiasFreeBatchNorm2d(4)
    features = torch.randn(3, 4, 8, 8, generator=torch.Generator().manual_seed(2)) + 1
    deviation = features.std(dim=(0, 2, 3), unbiased=False)
    expected = features * (norm.weight / deviation)[:, None, None]
    assert torch.allclose(norm.train()(features), expected, rtol=1e-4)
    assert torch.allclose(norm(7 * features), norm(features), rtol=1e-4)
    assert torch.allclose(norm.eval()(7 * features), 7 * norm(features), rtol=1e-4)


def test_bias_free_norm_learns_the_variance_of_what_it_saw() -> None:
    """The running variance moves towards the batch's by its momentum."""
    norm = BiasFreeBatchNorm2d(2, momentum=0.25).train()
    features = torch.randn(5, 2, 6, 6, generator=torch.Generator().manual_seed(3)) * 3
    norm(features)
    expected = 0.75 + 0.25 * features.var(dim=(0, 2, 3), unbiased=False)
    assert torch.allclose(norm.running_var, expected, rtol=1e-5)


def test_unknown_architecture_or_argument_is_refused() -> None:
    """The message says which there are, or which was wrong."""
    with pytest.raises(ValueError, match="no architecture 'vnet': choose one of dncnn, rcnn, resunet, sdensenet, unet"):
        build("vnet", {})
    with pytest.raises(ValueError, match="dncnn does not accept the arguments"):
        build("dncnn", {"widths": [1]})


def test_recurrent_network_in_training_is_unrolled_as_often_as_its_batch_says() -> None:
    """The output is that of as many stages; every number from 1 to 4 comes about equally often."""
    torch.manual_seed(0)
    batches = torch.randn(400, 1, 1, 4, 4)
    drawn = [drawn_stages(batch, 4) for batch in batches]
    assert set(drawn) == {1, 2, 3, 4}
    assert all(70 <= drawn.count(count) <= 130 for count in (1, 2, 3, 4))  # a binomial's deviation is 9
    net = RecurrentCNN(width=4)
    assert len({drawn_stages(batch, 4) for batch in batches[:8]}) > 1
    for batch, stages in zip(batches[:8], drawn, strict=False):
        fixed = RecurrentCNN(width=4, stages=stages).eval()
        fixed.load_state_dict(net.state_dict())
        assert torch.equal(net.train()(batch), fixed(batch))
        assert torch.equal(net(batch), net(batch))


def test_recurrent_network_in_evaluation_always_takes_every_stage() -> None:
    """Whatever the batch."""
    net = RecurrentCNN(width=4).eval()
    for batch in torch.randn(8, 1, 1, 4, 4):
        denoised = batch
        for _ in range(4):
            denoised = net.stage(torch.cat([batch, denoised], dim=1))
        assert torch.equal(net(batch), denoised)
