"""The effective dimensionality, and how it falls with the noise level (the paper, section 5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from biasfree.analysis.jacobian import Jacobian
from biasfree.architectures import Network
from training.reproduce.decomposition import MATRIX_BYTES, frobenius
from training.reproduce.patches import Patch, on_every_core

#: The paper's noise levels, 0-255 scale.
SIGMAS_255 = (10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0)

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Dimensionality:
    """Effective dimensionality ``d = ||A||_F^2`` at every noise level.

    Attributes:
        sigmas_255: Noise levels, 0-255 scale (S,).
        values: d of each patch (S, M).
    """

    sigmas_255: tuple[float, ...]
    values: FloatArray

    @property
    def means(self) -> FloatArray:
        """Return the means over the patches (S,)."""
        means: FloatArray = self.values.mean(axis=1)
        return means

    @property
    def slope(self) -> float:
        """Return the slope of the means against sigma, log-log."""
        return slope(self.sigmas_255, self.means)


def measure_dimensionality(network: Network, patches: Sequence[Patch]) -> Dimensionality:
    """Compute every patch's Jacobian at every noise level.

    Raises:
        OutOfMemoryBudget: The patches are too large.
    """

    def one(task: tuple[float, Patch]) -> float:
        sigma_255, patch = task
        matrix = Jacobian(network, patch.noisy(sigma_255)).dense(memory_bytes=MATRIX_BYTES)
        return frobenius(matrix) ** 2

    values = on_every_core(one, list(product(SIGMAS_255, patches)))
    return Dimensionality(SIGMAS_255, np.reshape(values, (len(SIGMAS_255), len(patches))))


def slope(sigmas_255: Sequence[float], values: npt.ArrayLike) -> float:
    """Return the exponent of the power law through ``values`` (S,), by least squares on the logarithms."""
    return float(np.polyfit(np.log(sigmas_255), np.log(values), 1)[0])
