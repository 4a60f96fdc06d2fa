"""The range in which the linear map holds: which ReLUs are active, and how far the nearest is from flipping."""

import torch

from biasfree.analysis.linearisation import Relus, relus_at
from biasfree.analysis.report import Layer, LinearRegion
from biasfree.architectures import Network

#: Seed of the random direction.
SEED = 0


def activity(relus: list[Relus]) -> tuple[Layer, ...]:
    """Return the size and active fraction of every layer of ReLUs."""
    inputs = [each.preactivations for each in relus]
    return tuple(Layer(each.numel(), float((each > 0).double().mean())) for each in inputs)


def linear_region(network: Network, noisy: torch.Tensor) -> LinearRegion | None:
    """Find how far the input can move along one random direction before the first ReLU flips.

    Up to there every ReLU's input is affine in the step t: ``z + t dz``, with ``dz`` from one forward-mode pass. It
    changes sign at ``-z / dz``.

    Args:
        network: Piecewise linear.
        noisy: y (C, H, W), the network's dtype.

    Returns:
        The distance relative to ||y||, or None if no ReLU flips in that direction.
    """
    direction = torch.randn(noisy.shape, generator=torch.Generator().manual_seed(SEED), dtype=noisy.dtype)
    direction = direction.to(noisy.device) * (noisy.norm() / direction.norm())
    folded = network.folded()

    def inputs(image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(each.preactivations for each in relus_at(folded, image))

    with torch.no_grad():
        values, slopes = torch.func.jvp(inputs, (noisy,), (direction,))[:2]
    flips = [_first_flip(value, slope) for value, slope in zip(values, slopes, strict=True)]
    distance, layer = min(((flip, layer) for layer, flip in enumerate(flips)), default=(float("inf"), 0))
    return LinearRegion(distance, layer) if distance < float("inf") else None


def _first_flip(value: torch.Tensor, slope: torch.Tensor) -> float:
    """Return the smallest t >= 0 at which ``value + t slope`` passes zero for any unit; infinity if none does."""
    # A unit at zero is inactive, and flips at once if its value rises.
    crosses = ((value > 0) & (slope < 0)) | ((value <= 0) & (slope > 0))
    steps = torch.where(crosses, -value / slope, torch.inf)
    return float(steps.min())
