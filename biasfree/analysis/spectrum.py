"""The singular value decomposition ``A = U S V^T`` of a denoiser's Jacobian: all of it, or its leading part.

Shape letters: N = C*H*W values of the image, K triplets known, B vectors of a block, M of a basis.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from biasfree.analysis.jacobian import Jacobian
from biasfree.analysis.request import DENSE_VALUES, Method

#: Matrices of N x N in memory at once: A, a copy that LAPACK overwrites, U, V, and its workspace.
DENSE_COPIES = 8
#: Residual at which a triplet counts as converged, relative to s_1. The error of a singular value is the square of its
#: residual over the distance to its neighbors, and at worst the residual itself.
TOLERANCE = 1e-4
#: Rounding leaves residuals of 1e-6 to 3e-6 in float32, on patches of 32 x 32 to 64 x 64.
DENSE_TOLERANCE = 1e-5
#: Extra vectors per block: the spectrum is flat, and without them the last requested ones converge slowly.
OVERSAMPLING = 8
#: Blocks between restarts, if memory allows that many.
BLOCKS = 24
#: Maximum number of restarts; after that the result is returned with the residuals it has.
RESTARTS = 20
#: Seed of the first block.
SEED = 0


@dataclass(frozen=True)
class Spectrum:
    """Leading singular triplets.

    Attributes:
        left: u_i (K, C, H, W), orthonormal.
        singular_values: s_i (K,), in descending order.
        right: v_i (K, C, H, W), orthonormal.
        residuals: max(||A v_i - s_i u_i||, ||A^T u_i - s_i v_i||) (K,).
        tolerance: Upper bound of every residual, relative to s_1; None if some exceed it.
        matrix: A (N, N), if it was computed: then all triplets are known, K = N.
    """

    left: torch.Tensor
    singular_values: torch.Tensor
    right: torch.Tensor
    residuals: torch.Tensor
    tolerance: float | None
    matrix: torch.Tensor | None = None


def decompose(jacobian: Jacobian, *, k: int, method: Method, memory_bytes: int) -> Spectrum:
    """Compute the singular value decomposition of A.

    Args:
        jacobian: A at an image (C, H, W).
        k: Number of triplets that the iterative method computes.
        method: ``dense``; ``iterative`` (images with no more values than a few blocks are still done densely); or
            ``auto``, which is dense up to ``DENSE_VALUES`` if memory allows.
        memory_bytes: Memory limit for everything.

    Raises:
        OutOfMemoryBudget: The matrix does not fit.
    """
    needed = DENSE_COPIES * jacobian.noisy.element_size() * jacobian.size**2
    fits = jacobian.size <= DENSE_VALUES and needed <= memory_bytes
    tiny = jacobian.size <= 4 * (k + OVERSAMPLING)
    if tiny or method == "dense" or (method == "auto" and fits):
        return dense(jacobian, memory_bytes=memory_bytes)
    return iterative(jacobian, k=k, memory_bytes=memory_bytes)


@torch.no_grad()
def dense(jacobian: Jacobian, *, memory_bytes: int) -> Spectrum:
    """Compute every triplet by LAPACK on the matrix.

    Raises:
        OutOfMemoryBudget: The matrix does not fit.
    """
    matrix = jacobian.dense(memory_bytes=memory_bytes // DENSE_COPIES)
    left, values, right_h = torch.linalg.svd(matrix, full_matrices=False)
    residuals = _residuals(matrix @ right_h.T, left, matrix.T @ left, right_h.T, values)
    shape = (-1, *jacobian.noisy.shape)
    tolerance = _reached(residuals, values, DENSE_TOLERANCE)
    return Spectrum(left.T.reshape(shape), values, right_h.reshape(shape), residuals, tolerance, matrix)


@torch.no_grad()
def iterative(jacobian: Jacobian, *, k: int, memory_bytes: int, tolerance: float = TOLERANCE) -> Spectrum:
    """Compute the ``k`` largest triplets by block Lanczos bidiagonalization, fully reorthogonalized and restarted.

    Golub, Luk and Overton 1981, from a random block (Halko, Martinsson and Tropp 2011). It needs products with A only.

    Args:
        jacobian: A.
        k: Number of triplets.
        memory_bytes: Memory limit for the bases and the products.
        tolerance: Residual to reach, relative to s_1.
    """
    block = k + OVERSAMPLING
    product = _Products(jacobian, memory_bytes // 2)
    start = torch.randn((jacobian.size, block), generator=torch.Generator().manual_seed(SEED))
    right = torch.linalg.qr(start.to(jacobian.noisy)).Q
    blocks = _blocks_in(memory_bytes // 2, jacobian, block)
    for _ in range(RESTARTS):
        left, values, right, converged = _lanczos(product, right, blocks=blocks, k=k, tolerance=tolerance)
        if converged:
            break
    left, values, right = left[:, :k], values[:k], right[:, :k]
    residuals = _residuals(product.forward(right), left, product.backward(left), right, values)
    shape = (-1, *jacobian.noisy.shape)
    reached = _reached(residuals, values, tolerance)
    return Spectrum(left.T.reshape(shape), values, right.T.reshape(shape), residuals, reached)


class _Products:
    """Products of A and A^T with the columns of a matrix (N, B), a few at a time."""

    def __init__(self, jacobian: Jacobian, memory_bytes: int) -> None:
        self._jacobian, self._shape = jacobian, (-1, *jacobian.noisy.shape)
        self._at_once = max(1, memory_bytes // jacobian.vector_bytes)

    def forward(self, columns: torch.Tensor) -> torch.Tensor:
        """Return ``A V``."""
        return self._each(self._jacobian.matvec, columns)

    def backward(self, columns: torch.Tensor) -> torch.Tensor:
        """Return ``A^T U``."""
        return self._each(self._jacobian.rmatvec, columns)

    def _each(self, product: Callable[[torch.Tensor], torch.Tensor], columns: torch.Tensor) -> torch.Tensor:
        vectors = columns.T.reshape(self._shape)
        return torch.cat([product(some).flatten(1) for some in torch.split(vectors, self._at_once)]).T


def _lanczos(
    product: _Products, start: torch.Tensor, *, blocks: int, k: int, tolerance: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, bool]:
    """Bidiagonalize from a block until ``k`` triplets have converged or the bases have ``blocks`` blocks.

    Args:
        product: A and A^T.
        start: Orthonormal (N, B).
        blocks: Maximum number of blocks of a basis.
        k: Number of triplets.
        tolerance: Residual to reach, relative to s_1.

    Returns:
        The B leading triplets, U (N, B), s (B,), V (N, B), and whether ``k`` of them have converged.
    """
    width = start.shape[1]
    rights, lefts = start, start[:, :0]
    projected = start.new_zeros((0, 0))  # U^T A V
    newest = start
    while True:
        inside, outside, newest = _split_off(product.forward(newest), lefts)
        projected = torch.cat([F.pad(projected, (0, 0, 0, width)), torch.cat([inside, outside])], dim=1)
        lefts = torch.cat([lefts, newest], dim=1)
        p, values, q_h = torch.linalg.svd(projected)
        _, outside, newest = _split_off(product.backward(newest), rights)
        # A^T U = V (U^T A V)^T + newest * outside in the last block: the residual is known before u and v.
        residuals = (outside @ p[-width:, :k]).norm(dim=0)
        converged = bool(residuals.max() <= tolerance / 2 * values[0])  # the other half is for rounding
        if converged or rights.shape[1] >= blocks * width:
            return lefts @ p[:, :width], values[:width], rights @ q_h.T[:, :width], converged
        rights = torch.cat([rights, newest], dim=1)


def _split_off(columns: torch.Tensor, basis: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Write ``columns`` as ``basis @ inside + new @ outside`` with ``new`` orthonormal and orthogonal to ``basis``."""
    inside = basis.T @ columns
    rest = columns - basis @ inside
    again = basis.T @ rest  # once is not enough in floating point
    new, outside = torch.linalg.qr(rest - basis @ again)
    # Columns without a rest leave directions of rounding error, which are far from orthogonal to the basis.
    new = torch.linalg.qr(new - basis @ (basis.T @ new)).Q
    return inside + again, outside, new


def _blocks_in(memory_bytes: int, jacobian: Jacobian, width: int) -> int:
    """Return how many blocks of each basis fit in memory: at least two, and fewer than N vectors."""
    held = memory_bytes // (3 * width * jacobian.size * jacobian.noisy.element_size())
    return max(2, min(BLOCKS, held, jacobian.size // width - 1))


def _residuals(
    forward: torch.Tensor, left: torch.Tensor, backward: torch.Tensor, right: torch.Tensor, values: torch.Tensor
) -> torch.Tensor:
    """Return the larger of ||A v - s u|| and ||A^T u - s v|| for every column (K,)."""
    return torch.maximum((forward - left * values).norm(dim=0), (backward - right * values).norm(dim=0))


def _reached(residuals: torch.Tensor, values: torch.Tensor, tolerance: float) -> float | None:
    return tolerance if bool(residuals.max() <= tolerance * values[0]) else None
