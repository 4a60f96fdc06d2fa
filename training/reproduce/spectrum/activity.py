"""The share of active ReLUs in each layer, on whole photographs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from biasfree.analysis.linearisation import Relus, relus_at
from biasfree.analysis.regions import activity
from biasfree.architectures import Network
from training.reproduce.patches import Patch, on_every_core
from training.reproduce.spectrum.subspaces import SIGMAS_255

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LayerActivity:
    """One layer of ReLUs.

    Attributes:
        channels: Number of feature maps.
        reduction: Image pixels per pixel of the layer, along an axis.
        active: Fraction of active units at each of ``SIGMAS_255`` in each photograph (S, M).
    """

    channels: int
    reduction: int
    active: FloatArray


def measure_activity(network: Network, patches: Sequence[Patch]) -> list[LayerActivity]:
    """Measure the activity of every ReLU layer on the whole noisy photographs.

    Returns:
        The layers, from input to output.
    """
    measured = on_every_core(lambda patch: _activity(network, patch), patches)
    fractions = np.array([active for _, active in measured])
    layers = measured[0][0]
    return [LayerActivity(*layer, fractions[:, :, place].T) for place, layer in enumerate(layers)]


def _activity(network: Network, patch: Patch) -> tuple[list[tuple[int, int]], list[list[float]]]:
    """Return channels and reduction of every layer, and their active fractions at each noise level (S, L)."""
    active, layers = [], []
    for sigma_255 in SIGMAS_255:
        noisy = patch.noisy_photograph(sigma_255)
        with torch.no_grad():
            relus = relus_at(network, noisy)
        layers = [_layer(each, noisy.shape[1]) for each in relus]
        active.append([layer.active for layer in activity(relus)])
    return layers, active


def _layer(relus: Relus, height: int) -> tuple[int, int]:
    _, channels, rows, _ = relus.preactivations.shape
    return channels, round(height / rows)
