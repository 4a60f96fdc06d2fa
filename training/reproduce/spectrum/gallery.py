"""Singular vectors from the whole spectrum: the patterns a network detects and returns (the report's figure 4)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from biasfree.architectures import Network
from training.reproduce.decomposition import Decomposition
from training.reproduce.patches import Patch, on_every_core

#: The report's noise level, 0-255 scale.
SIGMA_255 = 30.0
#: Number of photographs shown.
PATCHES = 2

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Gallery:
    """Some singular vectors at one patch.

    Attributes:
        name: The photograph's name.
        clean: x (C, P, P).
        noisy: y (C, P, P).
        denoised: f(y) (C, P, P).
        effective_dimensionality: d.
        indices: Places in the spectrum, counted from 0 (V,).
        singular_values: s_i (V,).
        symmetry: u_i . v_i (V,).
        left: u_i (V, C, P, P).
        right: v_i (V, C, P, P).
    """

    name: str
    clean: FloatArray
    noisy: FloatArray
    denoised: FloatArray
    effective_dimensionality: float
    indices: tuple[int, ...]
    singular_values: FloatArray
    symmetry: FloatArray
    left: FloatArray
    right: FloatArray


def measure_galleries(network: Network, patches: Sequence[Patch]) -> list[Gallery]:
    """Take singular vectors at the first patches.

    Raises:
        OutOfMemoryBudget: The patches are too large.
    """
    return on_every_core(lambda patch: _gallery(network, patch), patches[:PATCHES])


def places(leading: int, size: int) -> tuple[int, ...]:
    """Choose places in the spectrum: both ends, within the first d, around d, and between d and N.

    Args:
        leading: d, rounded down, >= 1.
        size: N.

    Returns:
        Up to nine different places, ascending, counted from 0.
    """
    within = (0, 1, leading // 4, leading // 2, leading - 1)
    beyond = (min(2 * leading, size - 1), (leading + size) // 2, size - 2, size - 1)
    return tuple(sorted({max(0, min(place, size - 1)) for place in (*within, *beyond)}))


def _gallery(network: Network, patch: Patch) -> Gallery:
    noisy = patch.noisy(SIGMA_255)
    decomposition = Decomposition.of(network, noisy)
    chosen = places(decomposition.leading, noisy.numel())
    spectrum = decomposition.spectrum
    return Gallery(
        name=patch.name,
        clean=patch.clean.numpy(),
        noisy=noisy.numpy(),
        denoised=decomposition.jacobian.denoised.numpy(),
        effective_dimensionality=decomposition.effective_dimensionality,
        indices=chosen,
        singular_values=_at(spectrum.singular_values, chosen),
        symmetry=_at(decomposition.symmetry, chosen),
        left=_at(spectrum.left, chosen),
        right=_at(spectrum.right, chosen),
    )


def _at(values: torch.Tensor, chosen: Sequence[int]) -> FloatArray:
    array: FloatArray = values[list(chosen)].numpy()
    return array
