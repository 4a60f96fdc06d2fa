"""Bayesian coring (Simoncelli and Adelson, "Noise removal via Bayesian wavelet coring", ICIP 1996).

Wavelet coefficients of photographs are distributed as ``p(x) ~ exp(-|x / s|^p)`` with p well below 2: mostly near zero,
sometimes far from it. Under noise of a known level the mean of x, given what was measured, is a curve that takes small
values to zero and leaves large ones alone.
"""

from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from biasfree.classical.wavelet import shrunk

FloatArray = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]

#: Exponents to choose from: photographs have 0.5 to 1; 2 is Gaussian, below 0.3 the moments tell them apart no more.
EXPONENTS = np.linspace(2, 0.3, 171)
#: Measured values, in units of the noise, for which the curve is computed; beyond the last its gain stays as it is.
MEASURED = np.arange(0, 16, 0.05)
#: Where the integrals over x are taken: dense near zero, where the density peaks, and a tenth of the noise at the end.
SIGNAL = 1e-4 * np.sinh(np.linspace(0, np.arcsinh(24e4), 3000))


def bayesian_coring(plane: FloatArray, sigma: float) -> FloatArray:
    """The posterior mean of every coefficient of an undecimated wavelet transform.

    Args:
        plane: (H, W) float32.
        sigma: Noise standard deviation, > 0.
    """
    return shrunk(plane, lambda band: _cored(band, sigma))


def marginal(variance: float, fourth_moment: float) -> tuple[float, float]:
    """The generalised Gaussian ``exp(-|x / s|^p)`` behind coefficients that were measured with noise of level 1.

    Args:
        variance: Of what was measured, above 1.
        fourth_moment: Of what was measured.

    Returns:
        s and p, by which the two moments come out (where p lies within ``EXPONENTS``).
    """
    clean = variance - 1
    kurtosis = (fourth_moment - 6 * clean - 3) / clean**2
    exponent = float(np.interp(kurtosis, _kurtoses(), EXPONENTS))
    scale = np.sqrt(clean * np.exp(gammaln(1 / exponent) - gammaln(3 / exponent)))
    return float(scale), exponent


def posterior_gain(scale: float, exponent: float) -> Float64Array:
    """``E[x | y] / y`` for each y of ``MEASURED`` under noise of level 1, by the trapezoid rule; in [0, 1]."""
    density = np.exp(-((SIGNAL / scale) ** exponent)) * np.gradient(SIGNAL)
    odd, even = _likelihoods()
    mean = odd @ (SIGNAL * density) / (even @ density)
    gain = mean[1:] / MEASURED[1:]
    return np.concatenate([gain[:1], gain])


def _cored(band: FloatArray, sigma: float) -> FloatArray:
    measured = np.abs(band) / np.float32(sigma)
    squared = measured**2
    variance = float(squared.mean(dtype=np.float64))
    if variance <= 1:  # there is nothing but noise
        return np.zeros_like(band)
    fourth_moment = float(np.square(squared, out=squared).mean(dtype=np.float64))
    gain = posterior_gain(*marginal(variance, fourth_moment))
    return band * np.interp(measured, MEASURED, gain).astype(np.float32)


@cache
def _kurtoses() -> Float64Array:
    """Of the generalised Gaussians with ``EXPONENTS``, rising."""
    kurtoses: Float64Array = np.exp(gammaln(5 / EXPONENTS) + gammaln(1 / EXPONENTS) - 2 * gammaln(3 / EXPONENTS))
    return kurtoses


@cache
def _likelihoods() -> tuple[Float64Array, Float64Array]:
    """Of each of ``MEASURED`` (rows) given each of ``SIGNAL`` (columns), less and plus that given its negative."""
    same, opposite = (np.exp(-((MEASURED[:, None] + signal) ** 2) / 2) for signal in (-SIGNAL, SIGNAL))
    return same - opposite, same + opposite
