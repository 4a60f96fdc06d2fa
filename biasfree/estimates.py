"""How noisy an image was and how good the result is, without a clean image: estimates from one extra pass.

With A the network's Jacobian at y and v random signs, ``tr A = E[v . A v]`` (Hutchinson 1990; Ramani, Blu and Unser
2008), and ``A v`` is a finite difference of the network. A network trained on squared or absolute error comes near the
posterior mean, whose error is ``sigma^2 tr A / N`` on average (Tweedie; Raphan and Simoncelli 2011). Put into Stein's
unbiased risk estimate, ``mse = ||y - f||^2 / N - sigma^2 + 2 sigma^2 tr A / N``, that gives the noise level itself:

    sigma^2 = ||y - f||^2 / (N - tr A)

Both hold for independent Gaussian noise only, and are estimates: docs/adr/0001-noise-level-estimate.md has how far off.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from biasfree.intensity import to_255

FloatArray = npt.NDArray[np.float32]

#: Length of the finite difference for intensities below 1: the smallest at which float32 rounding (1e-7 of the range)
#: stays below 1e-4 of A v.
STEP = np.float32(1e-3)


def probe(shape: tuple[int, ...]) -> FloatArray:
    """A vector of random signs, the same for the same shape, so that the same image gives the same estimates."""
    signs = np.random.default_rng(0).integers(0, 2, size=shape, dtype=np.int8)
    return (2 * signs - 1).astype(np.float32)


@dataclass(frozen=True)
class Estimate:
    """Sums over the samples of one or more images; ``a + b`` is the estimate over both.

    Attributes:
        samples: N, all channels.
        residual: ||y - f|| in intensities; not squared, so that it does not overflow.
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
            scale: What 1 stands for in the caller's intensities.
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
        """Noise standard deviation, in the caller's intensities; 0 where the network passes everything."""
        complement = self.samples - self.trace
        return self.residual / math.sqrt(complement) if complement > 0 else 0.0

    def sigma_255(self, *, white: float) -> float:
        """Noise standard deviation on the 0-255 scale, given the intensity ``white`` that stands for 255."""
        return to_255(self.sigma, white=white)

    def psnr_db(self, *, white: float, strength: float = 1.0) -> float | None:
        """Estimated PSNR of ``y + strength (f(y) - y)`` in dB, or None where the estimated error is not positive."""
        if self.sigma == 0:
            return None
        passed = self.trace / self.samples
        # Stein's estimate for the blend, in units of sigma^2; ||y - f||^2 / N is 1 - tr A / N there.
        error = strength**2 * (1 - passed) - 1 + 2 * (1 - strength + strength * passed)
        return 20 * math.log10(white / self.sigma) - 10 * math.log10(error) if error > 0 else None


def relative_error(noise: Estimate, result: Estimate) -> float:
    """Stein's estimate of a result's mean squared error over sigma^2: ||y - g||^2 / (N sigma^2) - 1 + 2 tr G / N.

    Args:
        noise: Of the network, for sigma; it is not 0.
        result: Of g, any function of y, over the same samples: the network or a blend with the input.
    """
    return (result.residual / noise.sigma) ** 2 / result.samples - 1 + 2 * result.trace / result.samples


def _dot(left: FloatArray, right: FloatArray) -> float:
    return float(np.einsum("i,i->", left.ravel(), right.ravel(), dtype=np.float64))
