"""Estimates of the noise level and the quality of the result, without a clean image, from one extra pass.

Let A be the network's Jacobian at y and v random signs. Then ``tr A = E[v . A v]`` (Hutchinson 1990; Ramani, Blu and
Unser 2008), and ``A v`` is a finite difference of the network. A network trained on squared or absolute error
approximates the posterior mean, whose error is ``sigma^2 tr A / N`` on average (Tweedie; Raphan and Simoncelli 2011).
Stein's unbiased risk estimate, ``mse = ||y - f||^2 / N - sigma^2 + 2 sigma^2 tr A / N``, then gives the noise level:

    sigma^2 = ||y - f||^2 / (N - tr A)

and the error is ``sigma^2 tr A / N`` for f, and ``||y - g||^2 / N - sigma^2 + 2 sigma^2 tr G / N`` for any other
function g of y, with Jacobian G.

Both hold for independent Gaussian noise only and are estimates: docs/adr/0001-noise-level-estimate.md has their errors.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from biasfree.intensity import to_255

FloatArray = npt.NDArray[np.float32]

#: Step of the finite difference for intensities below 1: the smallest for which float32 rounding (1e-7 of the range)
#: stays below 1e-4 of A v.
STEP = np.float32(1e-3)


def probe(shape: tuple[int, ...]) -> FloatArray:
    """Return random signs, always the same for a given shape, so that estimates are reproducible."""
    signs = np.random.default_rng(0).integers(0, 2, size=shape, dtype=np.int8)
    return (2 * signs - 1).astype(np.float32)


@dataclass(frozen=True)
class Estimate:
    """Sums over the samples of one or more images; ``a + b`` is the estimate over both.

    Attributes:
        samples: N, over all channels.
        residual: ||y - f|| in intensities; not squared, to avoid overflow.
        trace: tr A, from the probe.
    """

    samples: int
    residual: float
    trace: float

    @classmethod
    def of(
        cls, noisy: FloatArray, denoised: FloatArray, perturbed: FloatArray, signs: FloatArray, *, scale: float = 1.0
    ) -> "Estimate":
        """Measure one image.

        Args:
            noisy: y, any shape, float32, largest intensity near 1.
            denoised: f(y).
            perturbed: f(y + STEP * signs).
            signs: v, from ``probe``.
            scale: Intensity that corresponds to 1, in the caller's units.
        """
        residual = noisy - denoised
        return cls(
            samples=noisy.size,
            residual=math.sqrt(_dot(residual, residual)) * scale,
            trace=_dot(signs, perturbed - denoised) / float(STEP),
        )

    def __add__(self, other: "Estimate") -> "Estimate":
        residual = math.hypot(self.residual, other.residual)
        return Estimate(self.samples + other.samples, residual, self.trace + other.trace)

    @property
    def sigma(self) -> float:
        """Return the noise standard deviation, in the caller's intensities; 0 if the network passes everything."""
        complement = self.samples - self.trace
        return self.residual / math.sqrt(complement) if complement > 0 else 0.0

    def sigma_255(self, *, white: float) -> float:
        """Return the noise standard deviation on the 0-255 scale, where the intensity ``white`` is 255."""
        return to_255(self.sigma, white=white)

    def psnr_db(self, *, white: float) -> float | None:
        """Estimate the PSNR of ``f(y)`` in dB; None if the estimated error is not positive."""
        if self.sigma == 0 or self.trace <= 0:
            return None
        return 20 * math.log10(white / self.sigma) - 10 * math.log10(self.trace / self.samples)


def _dot(left: FloatArray, right: FloatArray) -> float:
    return float(np.einsum("i,i->", left.ravel(), right.ravel(), dtype=np.float64))
