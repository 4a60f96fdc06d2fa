"""Whole spectra of ten photographs, and their symmetry (the report's figure 3)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from biasfree.architectures import Network
from training.reproduce.decomposition import Decomposition
from training.reproduce.patches import Patch, on_every_core

#: The report's noise level, 0-255 scale.
SIGMA_255 = 50.0

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Spectra:
    """Spectra of the patches.

    Attributes:
        singular_values: s_i (M, N), descending.
        symmetry: u_i . v_i (M, N).
    """

    singular_values: FloatArray
    symmetry: FloatArray


def measure_spectra(network: Network, patches: Sequence[Patch]) -> Spectra:
    """Decompose the network's Jacobian at every patch.

    Raises:
        OutOfMemoryBudget: The patches are too large.
    """

    def one(patch: Patch) -> tuple[FloatArray, FloatArray]:
        decomposition = Decomposition.of(network, patch.noisy(SIGMA_255))
        return decomposition.spectrum.singular_values.numpy(), decomposition.symmetry.numpy()

    values, symmetry = zip(*on_every_core(one, patches), strict=True)
    return Spectra(np.stack(values), np.stack(symmetry))
