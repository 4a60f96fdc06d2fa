"""The result of an analysis as numbers and arrays; docs/analysis.md explains each one.

Shape letters: C channels, P x Q the patch, N = C*P*Q its values, K singular triplets known, L layers.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Patch:
    """The position of the patch: top-left corner and sides, in pixels of the image."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Vectors:
    """Singular vectors from the upper end of the spectrum and, if all are known, from the lower end.

    Attributes:
        indices: Positions in the spectrum, counted from 0 (V,).
        left: u_i, unit norm (V, C, P, Q).
        right: v_i, unit norm (V, C, P, Q).
    """

    indices: npt.NDArray[np.int64]
    left: FloatArray
    right: FloatArray


@dataclass(frozen=True)
class Filter:
    """An equivalent filter: a row of A, the weights with which one output value averages the noisy patch.

    Attributes:
        x: Column of the pixel in the image.
        y: Row of the pixel in the image.
        channel: The output channel.
        weights: (C, P, Q); their sum over all input channels is near 1.
    """

    x: int
    y: int
    channel: int
    weights: FloatArray

    @property
    def total(self) -> float:
        """Return the sum of the weights."""
        return float(self.weights.sum(dtype=np.float64))


@dataclass(frozen=True)
class Layer:
    """A layer of ReLUs: its number of units, and the fraction that is active at this patch."""

    units: int
    active: float


@dataclass(frozen=True)
class LinearRegion:
    """The distance over which A stays constant.

    Attributes:
        distance: Norm of the smallest step along a random direction that flips a ReLU, relative to ||y||.
        layer: The layer, counted from 0, of the first ReLU to flip.
    """

    distance: float
    layer: int


@dataclass(frozen=True)
class Measured:
    """A number, with its standard error if it was estimated from random probes."""

    value: float
    standard_error: float | None = None


@dataclass(frozen=True)
class WholeImage:
    """Estimates over the whole image, from random probes.

    Attributes:
        probes: Number of probes.
        effective_dimensionality: ||A||_F^2.
        trace: tr A.
        sigma_255: Noise standard deviation on the 0-255 scale.
        psnr_db: PSNR of the denoised image, dB; None where it cannot be estimated.
    """

    probes: int
    effective_dimensionality: Measured
    trace: Measured
    sigma_255: Measured
    psnr_db: Measured | None


@dataclass(frozen=True)
class Report:
    """The analysis of one patch. Intensities are in the units of the input image.

    Attributes:
        patch: Position of the patch.
        method: How the spectrum was computed: ``dense`` gives all of it, ``iterative`` the first K.
        noisy: y (C, P, Q).
        denoised: f(y) (C, P, Q).
        clean: The clean patch (C, P, Q), if the caller gave one.
        singular_values: s_i, in descending order (K,).
        symmetry: u_i . v_i (K,).
        expansion: c_i = s_i (v_i . y): f(y) = sum c_i u_i (K,).
        energy_share: Share of ||f(y)||^2 in the first i + 1 terms (K,).
        residuals: max(||A v_i - s_i u_i||, ||A^T u_i - s_i v_i||) (K,).
        tolerance: Upper bound of every residual, in units of s_1; None if some did not converge in time.
        effective_dimensionality: d = ||A||_F^2.
        trace: tr A.
        nuclear_norm: Sum of the singular values; None if not all are known.
        asymmetry: ||A - A^T||_F / ||A||_F.
        homogeneity_error: ||f(y) - A y|| / ||f(y)||.
        net_bias_norm: ||f(y) - A y|| of a network with additive constants, otherwise None.
        signal_preserved: ||U_d U_d^T x||^2 / ||x||^2 with d rounded down, x the clean patch if known, otherwise f(y);
            None if fewer than d vectors are known.
        sigma_255: Estimated noise standard deviation of the patch, 0-255 scale.
        vectors: Some of the singular vectors.
        filters: Equivalent filters of the requested pixels, by default of the middle pixel.
        layers: Activity of the ReLUs (L,).
        linear_region: How far A holds; None if no ReLU would flip, as for a black patch.
        image: Estimates over the whole image, if requested.
    """

    patch: Patch
    method: str
    noisy: FloatArray
    denoised: FloatArray
    clean: FloatArray | None
    singular_values: FloatArray
    symmetry: FloatArray
    expansion: FloatArray
    energy_share: FloatArray
    residuals: FloatArray
    tolerance: float | None
    effective_dimensionality: Measured
    trace: Measured
    nuclear_norm: float | None
    asymmetry: Measured
    homogeneity_error: float
    net_bias_norm: float | None
    signal_preserved: float | None
    sigma_255: float
    vectors: Vectors
    filters: tuple[Filter, ...]
    layers: tuple[Layer, ...]
    linear_region: LinearRegion | None
    image: WholeImage | None
