"""The Jacobian at one patch and its full singular value decomposition."""

from dataclasses import dataclass
from typing import Self

import torch

from biasfree.analysis.jacobian import Jacobian
from biasfree.analysis.spectrum import DENSE_COPIES, Spectrum, dense
from biasfree.architectures import Network

#: Memory for one Jacobian, enough for a gray patch of 90 x 90. Each core holds one, and ``DENSE_COPIES`` of it while
#: decomposing.
MATRIX_BYTES = 2**28


@dataclass(frozen=True)
class Decomposition:
    """The Jacobian A at a noisy patch y.

    Attributes:
        jacobian: A as an operator, with f(y).
        matrix: A (N, N).
        spectrum: The full decomposition A = U S V^T.
    """

    jacobian: Jacobian
    matrix: torch.Tensor
    spectrum: Spectrum

    @classmethod
    def of(cls, network: Network, noisy: torch.Tensor) -> Self:
        """Decompose the network's Jacobian at y (C, P, P).

        Raises:
            OutOfMemoryBudget: The patch is too large.
        """
        jacobian = Jacobian(network, noisy)
        spectrum = dense(jacobian, memory_bytes=DENSE_COPIES * MATRIX_BYTES)
        assert spectrum.matrix is not None
        return cls(jacobian, spectrum.matrix, spectrum)

    @property
    def effective_dimensionality(self) -> float:
        """Return the effective dimensionality d = sum s_i^2."""
        return float((self.spectrum.singular_values.double() ** 2).sum())

    @property
    def leading(self) -> int:
        """Return d rounded down, at least 1: the number of dimensions of the signal's subspace."""
        return max(1, int(self.effective_dimensionality))

    @property
    def subspace(self) -> torch.Tensor:
        """Return U_d^T, the first d left singular vectors as rows (d, N)."""
        return self.spectrum.left[: self.leading].flatten(1)

    @property
    def symmetry(self) -> torch.Tensor:
        """Return the cosines u_i . v_i (N,)."""
        cosines: torch.Tensor = torch.linalg.vecdot(self.spectrum.left.flatten(1), self.spectrum.right.flatten(1))
        return cosines


def frobenius(matrix: torch.Tensor) -> float:
    """Return ||A||_F, summed in float64: in float32 the norm of a 1600 x 1600 matrix was off by 2e-4."""
    return float(torch.linalg.matrix_norm(matrix, dtype=torch.float64))
