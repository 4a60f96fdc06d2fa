"""The common base of all classical denoisers: any size, any scale, gray or color, noise of an unknown level."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pywt

from biasfree.intensity import power_of_two_scale

FloatArray = npt.NDArray[np.float32]

#: Orthonormal opponent transform: luminance and two differences (Dabov et al., "Color image denoising via sparse 3D
#: collaborative filtering", 2007). It preserves white noise, and puts most of a photograph into the first plane.
OPPONENT = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]] / np.sqrt([[3], [2], [6]]), np.float32)
#: Half of a Gaussian distribution lies within this many standard deviations.
GAUSSIAN_MEDIAN = 0.6744897501960817
#: Relative rounding error of an intensity in float32.
ROUNDING = 1.2e-7
#: Shorter sides are extended by reflection to this many pixels, the minimum for every transform here.
LEAST_SIDE = 32


class ClassicalDenoiser:
    """A classical method as a function of an image. It is stateless and thread-safe.

    Args:
        method: Function of image and sigma; the image is (H, W, C) if ``joint``, otherwise one plane (H, W), float32,
            intensities near 1.
        joint: True if the method takes all colors at once.
        sigma: Noise standard deviation in the images' own units; by default estimated from each plane.
    """

    def __init__(
        self, method: Callable[[FloatArray, float], FloatArray], *, joint: bool, sigma: float | None = None
    ) -> None:
        self._method, self._joint, self._sigma = method, joint, sigma

    def __call__(self, noisy: FloatArray, /) -> FloatArray:
        """Denoise (H, W, C) float32 of any finite range, C 1 or 3; keep shape, dtype and range, and clip nothing."""
        scale = power_of_two_scale(float(np.abs(noisy).max()))
        image = _opponent(noisy / np.float32(scale), OPPONENT)
        denoised = self._whole(image, scale) if self._joint else self._plane_by_plane(image, scale)
        return _opponent(denoised, OPPONENT.T) * np.float32(scale)

    def level(self, noisy: FloatArray) -> float:
        """Return the noise standard deviation assumed for (H, W, C) float32: the root mean square over planes."""
        if self._sigma is not None:
            return self._sigma
        planes = np.moveaxis(_opponent(noisy, OPPONENT), -1, 0)
        return math.hypot(*map(noise_level, planes)) / math.sqrt(len(planes))

    def _plane_by_plane(self, image: FloatArray, scale: float) -> FloatArray:
        planes = [self._denoised(plane, self._level(plane, scale)) for plane in np.moveaxis(image, -1, 0)]
        return np.stack(planes, axis=-1)

    def _whole(self, image: FloatArray, scale: float) -> FloatArray:
        return self._denoised(image, self._level(image[..., 0], scale))

    def _level(self, plane: FloatArray, scale: float) -> float:
        return noise_level(plane) if self._sigma is None else self._sigma / scale

    def _denoised(self, image: FloatArray, sigma: float) -> FloatArray:
        """Denoise an image; without noise return it unchanged, since methods divide by sigma."""
        if sigma <= 0:
            return image
        height, width = image.shape[:2]
        return self._method(_at_least(image, LEAST_SIDE), sigma)[:height, :width].astype(np.float32, copy=False)


def noise_level(plane: FloatArray) -> float:
    """Estimate the noise standard deviation of a plane (H, W) from the median deviation of its finest diagonal band.

    Donoho and Johnstone 1994. Pixels that exactly equal their neighbors (a mask, clipped white) are left out. The
    result is 0 if no others remain, or if the deviation is only rounding error.
    """
    _, (_, _, diagonal) = pywt.dwt2(_at_least(plane, LEAST_SIDE), "db2")
    sizes = np.abs(diagonal[diagonal != 0])
    level = float(np.median(sizes)) / GAUSSIAN_MEDIAN if sizes.size else 0.0
    return level if level > ROUNDING * float(np.abs(plane).max()) else 0.0


def _opponent(image: FloatArray, matrix: FloatArray) -> FloatArray:
    return image if image.shape[-1] == 1 else image @ matrix.T


def _at_least(image: FloatArray, side: int) -> FloatArray:
    """Extend an image (H, W, ...) to at least ``side`` by reflection at its bottom and right."""
    height, width = image.shape[:2]
    if min(height, width) >= side:
        return image
    below_and_right = [(0, max(0, side - height)), (0, max(0, side - width))]
    return np.pad(image, below_and_right + [(0, 0)] * (image.ndim - 2), mode="symmetric")
