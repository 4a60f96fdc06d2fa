"""A patch taken apart: its Jacobian and all of its singular vectors."""

from dataclasses import dataclass
from typing import Self

import torch

from biasfree.analysis.jacobian import Jacobian
from biasfree.analysis.spectrum import DENSE_COPIES, Spectrum, dense
from biasfree.architectures import Network

#: For one Jacobian: that of a gray patch of 90 x 90. Each core holds one, and ``DENSE_COPIES`` as it is decomposed.
MATRIX_BYTES = 2**28


@dataclass(frozen=True)
class Decomposition:
    """A at a noisy patch.

    Attributes:
        jacobian: A as an operator, and f(y).
        matrix: A (N, N).
        spectrum: All of A = U S V^T.
    """

    jacobian: Jacobian
    matrix: torch.Tensor
    spectrum: Spectrum

    @classmethod
    def of(cls, network: Network, noisy: torch.Tensor) -> Self:
        """Take the network apart at y (C, P, P).

        Raises:
            OutOfMemoryBudget: The patch is too large.
        """
        jacobian = Jacobian(network, noisy)
        spectrum = dense(jacobian, memory_bytes=DENSE_COPIES * MATRIX_BYTES)
        assert spectrum.matrix is not None
        return cls(jacobian, spectrum.matrix, spectrum)

    @property
    def effective_dimensionality(self) -> float:
        """d = sum s_i^2."""
        return float((self.spectrum.singular_values.double() ** 2).sum())

    @property
    def leading(self) -> int:
        """d rounded down, and at least 1: the dimensions of the signal's subspace."""
        return max(1, int(self.effective_dimensionality))

    @property
    def subspace(self) -> torch.Tensor:
        """U_d^T, the first of the left singular vectors as rows (d, N)."""
        return self.spectrum.left[: self.leading].flatten(1)

    @property
    def symmetry(self) -> torch.Tensor:
        """u_i . v_i (N,)."""
        cosines: torch.Tensor = torch.linalg.vecdot(self.spectrum.left.flatten(1), self.spectrum.right.flatten(1))
        return cosines


def frobenius(matrix: torch.Tensor) -> float:
    """||A||_F, summed in float64: in float32 the norm of a 1600 x 1600 matrix was off by 2e-4."""
    return float(torch.linalg.matrix_norm(matrix, dtype=torch.float64))
