import pytest
import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from biasfree.analysis.jacobian import Jacobian
from biasfree.analysis.regions import SEED, activity, linear_region
from biasfree.architectures import Network
from tests.unit.biasfree.analysis.networks import CHANNELS, network, noisy_patch


class _Masks(TorchFunctionMode):
    """Which units are on, layer by layer."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = []

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function in (F.relu, F.leaky_relu):
            self.layers.append(args[0] > 0)
        return function(*args, **(kwargs or {}))


def masks(built: Network, noisy: torch.Tensor) -> list[torch.Tensor]:
    """Which units of a network are on at an image."""
    with _Masks() as recorded:
        built(noisy[None])
    return recorded.layers


@pytest.mark.parametrize("name", CHANNELS)
def test_activity_counts_the_units_that_are_on(name: str) -> None:
    """Layer by layer, as a plain forward pass has them."""
    noisy = noisy_patch(name, 11, 14)
    layers = activity(Jacobian(network(name), noisy).relus)
    expected = masks(network(name), noisy)
    assert [layer.units for layer in layers] == [each.numel() for each in expected]
    assert [layer.active for layer in layers] == pytest.approx([float(each.double().mean()) for each in expected])


@pytest.mark.parametrize("name", CHANNELS)
def test_the_first_relu_flips_at_the_stated_distance(name: str) -> None:
    """Just before it every ReLU is as it was; just after it one of the stated layer is not."""
    noisy = noisy_patch(name, 9, 12)
    region = linear_region(network(name), noisy)
    direction = torch.randn(noisy.shape, generator=torch.Generator().manual_seed(SEED), dtype=noisy.dtype)
    step = direction * noisy.norm() / direction.norm() * region.distance
    here, before, after = (masks(network(name), noisy + share * step) for share in (0, 1 - 1e-6, 1 + 1e-6))
    assert all(torch.equal(a, b) for a, b in zip(here, before, strict=True))
    assert [layer for layer, (a, b) in enumerate(zip(here, after, strict=True)) if not torch.equal(a, b)] == [
        region.layer
    ]
