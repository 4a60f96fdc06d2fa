"""The signal's subspace at three noise levels, and how these subspaces are nested (the paper, section 5)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from biasfree.architectures import Network
from biasfree.estimates import Estimate
from training.reproduce.decomposition import Decomposition, frobenius
from training.reproduce.patches import Patch, on_every_core

#: The paper's noise levels, 0-255 scale. The subspace at the first should contain those at the others.
SIGMAS_255 = (10.0, 30.0, 100.0)
#: A singular value below this counts as small: the network hardly passes its direction.
SMALL = 0.1
#: A singular value above this amplifies its direction, which no projection does.
AMPLIFIED = 1.5


@dataclass(frozen=True)
class Measures:
    """One patch at one noise level.

    Attributes:
        effective_dimensionality: d = sum s_i^2.
        dimensionality_share: d / N.
        trace: tr A.
        largest: s_1.
        amplified: Number of s_i > 1.5.
        above_half: Number of s_i > 0.5.
        above_tenth: Number of s_i > 0.1.
        below_tenth: Share of s_i < 0.1.
        below_hundredth: Share of s_i < 0.01.
        symmetry_leading: Mean u_i . v_i over the first d (rounded down).
        symmetry_amplified: Mean u_i . v_i where s_i > 1.5; None without such s_i.
        symmetry_passed: Mean u_i . v_i where s_i > 0.1.
        symmetry_small: Mean u_i . v_i where s_i <= 0.1; None without such s_i.
        asymmetry: ||A - A^T||_F / ||A||_F.
        signal_preserved: ||U_d U_d^T x||^2 / ||x||^2 of the clean patch x.
        filter_sum: Mean sum of an equivalent filter, a row of A, over all pixels.
        filter_sum_deviation: Standard deviation of these sums.
        sigma_frobenius_255: Noise level by ``sqrt(||y - f||^2 / (N - 2 tr A + ||A||_F^2))``, 0-255 scale.
        sigma_trace_255: Noise level by ``biasfree.estimates``, docs/adr/0001-noise-level-estimate.md, 0-255 scale.
        homogeneity_error: ||f(y) - A y|| / ||f(y)||.
    """

    effective_dimensionality: float
    dimensionality_share: float
    trace: float
    largest: float
    amplified: int
    above_half: int
    above_tenth: int
    below_tenth: float
    below_hundredth: float
    symmetry_leading: float
    symmetry_amplified: float | None
    symmetry_passed: float | None
    symmetry_small: float | None
    asymmetry: float
    signal_preserved: float
    filter_sum: float
    filter_sum_deviation: float
    sigma_frobenius_255: float
    sigma_trace_255: float
    homogeneity_error: float


@dataclass(frozen=True)
class Nested:
    """How well the subspace at the lowest noise level contains that at a higher one.

    Attributes:
        sigma_255: The higher level.
        nestedness: Mean over the axes u at the higher level of ||U_d(low)^T u||^2.
        random: The same for a random subspace: d(low) / N.
    """

    sigma_255: float
    nestedness: float
    random: float


@dataclass(frozen=True)
class Subspaces:
    """One patch at the three noise levels.

    Attributes:
        measures: At each of ``SIGMAS_255``.
        nested: At each of them except the first.
    """

    measures: tuple[Measures, ...]
    nested: tuple[Nested, ...]


def measure_subspaces(network: Network, patches: Sequence[Patch]) -> list[Subspaces]:
    """Decompose the network's Jacobian at every patch and noise level.

    Raises:
        OutOfMemoryBudget: The patches are too large.
    """
    return on_every_core(lambda patch: _subspaces(network, patch), patches)


def nestedness(inner: torch.Tensor, outer: torch.Tensor) -> float:
    """Return the mean of ||outer u||^2 over the rows u of ``inner`` (d, N); the rows of both are orthonormal."""
    return float(((outer @ inner.T) ** 2).sum(dim=0).mean())


def _subspaces(network: Network, patch: Patch) -> Subspaces:
    measures, axes = [], []
    for sigma_255 in SIGMAS_255:
        decomposition = Decomposition.of(network, patch.noisy(sigma_255))
        measures.append(_measures(decomposition, patch.clean))
        axes.append(decomposition.subspace.clone())  # frees the rest of U
    random = len(axes[0]) / patch.clean.numel()
    nested = (
        Nested(sigma_255, nestedness(inner, axes[0]), random)
        for sigma_255, inner in zip(SIGMAS_255[1:], axes[1:], strict=True)
    )
    return Subspaces(tuple(measures), tuple(nested))


def _measures(decomposition: Decomposition, clean: torch.Tensor) -> Measures:
    jacobian, matrix = decomposition.jacobian, decomposition.matrix
    values, symmetry = decomposition.spectrum.singular_values, decomposition.symmetry
    filter_sums = matrix.sum(dim=1)
    estimate = Estimate(jacobian.size, float((jacobian.noisy - jacobian.denoised).norm()), float(matrix.trace()))
    return Measures(
        effective_dimensionality=decomposition.effective_dimensionality,
        dimensionality_share=decomposition.effective_dimensionality / jacobian.size,
        trace=estimate.trace,
        largest=float(values[0]),
        amplified=int((values > AMPLIFIED).sum()),
        above_half=int((values > 0.5).sum()),
        above_tenth=int((values > 0.1).sum()),
        below_tenth=_mean(values < 0.1),
        below_hundredth=_mean(values < 0.01),
        symmetry_leading=_mean(symmetry[: decomposition.leading]),
        symmetry_amplified=_mean_of_any(symmetry[values > AMPLIFIED]),
        symmetry_passed=_mean_of_any(symmetry[values > SMALL]),
        symmetry_small=_mean_of_any(symmetry[values <= SMALL]),
        asymmetry=frobenius(matrix - matrix.T) / frobenius(matrix),
        signal_preserved=_square(decomposition.subspace @ clean.flatten()) / _square(clean),
        filter_sum=_mean(filter_sums),
        filter_sum_deviation=float(filter_sums.std(correction=0)),
        sigma_frobenius_255=_sigma_frobenius(estimate, decomposition) * 255,
        sigma_trace_255=estimate.sigma_255(white=1.0),
        homogeneity_error=float(jacobian.net_bias.norm() / jacobian.denoised.norm()),
    )


def _sigma_frobenius(estimate: Estimate, decomposition: Decomposition) -> float:
    """Estimate sigma from ||I - A||_F; return 0 for the identity, which removes nothing."""
    removed = estimate.samples - 2 * estimate.trace + decomposition.effective_dimensionality
    return estimate.residual / math.sqrt(removed) if removed > 0 else 0.0


def _mean(values: torch.Tensor) -> float:
    return float(values.double().mean())


def _mean_of_any(values: torch.Tensor) -> float | None:
    return _mean(values) if values.numel() else None


def _square(values: torch.Tensor) -> float:
    return float((values.double() ** 2).sum())
