"""Bayesian coring (Simoncelli and Adelson, "Noise removal via Bayesian wavelet coring", ICIP 1996).

Wavelet coefficients of photographs are distributed as ``p(x) ~ exp(-|x / s|^p)`` with p well below 2: mostly near zero,
sometimes far from it. Under noise of a known level, the posterior mean of x is a curve that shrinks small measured
values to zero and leaves large ones unchanged.
"""

from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from biasfree.classical.wavelet import shrunk

FloatArray = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]

#: Candidate exponents: photographs have 0.5 to 1; 2 is Gaussian; below 0.3 the moments no longer distinguish them.
EXPONENTS = np.linspace(2, 0.3, 171)
#: Measured values, in units of the noise, for which the curve is computed; beyond the last one its gain is constant.
MEASURED = np.arange(0, 16, 0.05)
#: Grid for the integrals over x: dense near zero, where the density peaks, and a tenth of the noise apart at the end.
SIGNAL = 1e-4 * np.sinh(np.linspace(0, np.arcsinh(24e4), 3000))


def bayesian_coring(plane: FloatArray, sigma: float) -> FloatArray:
    """Replace every coefficient of an undecimated wavelet transform by its posterior mean.

    Args:
        plane: (H, W) float32.
        sigma: Noise standard deviation, > 0.
    """
    return shrunk(plane, lambda band: _cored(band, sigma))


def marginal(variance: float, fourth_moment: float) -> tuple[float, float]:
    """Fit a generalized Gaussian ``exp(-|x / s|^p)`` to coefficients measured with noise of level 1.

    Args:
        variance: Variance of the measured coefficients, above 1.
        fourth_moment: Fourth moment of the measured coefficients.

    Returns:
        s and p that reproduce the two moments (if p lies within ``EXPONENTS``).
    """
    clean = variance - 1
    kurtosis = (fourth_moment - 6 * clean - 3) / clean**2
    exponent = float(np.interp(kurtosis, _kurtoses(), EXPONENTS))
    scale = np.sqrt(clean * np.exp(gammaln(1 / exponent) - gammaln(3 / exponent)))
    return float(scale), exponent


def posterior_gain(scale: float, exponent: float) -> Float64Array:
    """Return ``E[x | y] / y`` in [0, 1] for each y of ``MEASURED`` under noise of level 1, by the trapezoid rule."""
    density = np.exp(-((SIGNAL / scale) ** exponent)) * np.gradient(SIGNAL)
    odd, even = _likelihoods()
    mean = odd @ (SIGNAL * density) / (even @ density)
    gain = mean[1:] / MEASURED[1:]
    return np.concatenate([gain[:1], gain])


def _cored(band: FloatArray, sigma: float) -> FloatArray:
    measured = np.abs(band) / np.float32(sigma)
    squared = measured**2
    variance = float(squared.mean(dtype=np.float64))
    if variance <= 1:  # only noise
        return np.zeros_like(band)
    fourth_moment = float(np.square(squared, out=squared).mean(dtype=np.float64))
    gain = posterior_gain(*marginal(variance, fourth_moment))
    return band * np.interp(measured, MEASURED, gain).astype(np.float32)


@cache
def _kurtoses() -> Float64Array:
    """Return the kurtoses of the generalized Gaussians with ``EXPONENTS``, in ascending order."""
    kurtoses: Float64Array = np.exp(gammaln(5 / EXPONENTS) + gammaln(1 / EXPONENTS) - 2 * gammaln(3 / EXPONENTS))
    return kurtoses


@cache
def _likelihoods() -> tuple[Float64Array, Float64Array]:
    """Return the odd and even part of the likelihood of ``MEASURED`` (rows) given ``SIGNAL`` (columns)."""
    same, opposite = (np.exp(-((MEASURED[:, None] + signal) ** 2) / 2) for signal in (-SIGNAL, SIGNAL))
    return same - opposite, same + opposite
