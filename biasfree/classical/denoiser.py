"""What all classical denoisers have in common: any size, any scale, gray or colour, noise of an unknown level."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pywt

from biasfree.intensity import power_of_two_scale

FloatArray = npt.NDArray[np.float32]

#: Orthonormal: luminance and two differences (Dabov et al., "Color image denoising via sparse 3D collaborative
#: filtering", 2007). White noise of one level stays that, and most of a photograph goes into the first plane.
OPPONENT = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]] / np.sqrt([[3], [2], [6]]), np.float32)
#: Half of what is Gaussian lies within so many standard deviations.
GAUSSIAN_MEDIAN = 0.6744897501960817
#: Of float32, in an intensity.
ROUNDING = 1.2e-7
#: Shorter sides are reflected up to this many pixels, of which every transform here has use.
LEAST_SIDE = 32


class ClassicalDenoiser:
    """A method as a function of an image; it keeps nothing, and may be called from several threads.

    Args:
        method: (image, sigma) to image: (H, W, C) if ``joint``, else one plane (H, W), float32, intensities near 1.
        joint: Which of them.
        sigma: Noise standard deviation in the images' own units; estimated from each plane if None.
    """

    def __init__(
        self, method: Callable[[FloatArray, float], FloatArray], *, joint: bool, sigma: float | None = None
    ) -> None:
        self._method, self._joint, self._sigma = method, joint, sigma

    def __call__(self, noisy: FloatArray, /) -> FloatArray:
        """Denoise (H, W, C) float32 of any finite range, C 1 or 3; shape, dtype and range stay, nothing is clipped."""
        scale = power_of_two_scale(float(np.abs(noisy).max()))
        image = _opponent(noisy / np.float32(scale), OPPONENT)
        denoised = self._whole(image, scale) if self._joint else self._plane_by_plane(image, scale)
        return _opponent(denoised, OPPONENT.T) * np.float32(scale)

    def level(self, noisy: FloatArray) -> float:
        """The noise standard deviation that it goes by for (H, W, C) float32: the root mean square over planes."""
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
        """Where there is no noise there is nothing to do, and nothing to divide by."""
        if sigma <= 0:
            return image
        height, width = image.shape[:2]
        return self._method(_at_least(image, LEAST_SIDE), sigma)[:height, :width].astype(np.float32, copy=False)


def noise_level(plane: FloatArray) -> float:
    """Noise standard deviation of a plane (H, W): the median absolute deviation of its finest diagonal band.

    Donoho and Johnstone 1994. What has exactly the value of its neighbours (a mask, clipped white) is left out; 0 where
    nothing else is there, and where rounding is all there is.
    """
    _, (_, _, diagonal) = pywt.dwt2(_at_least(plane, LEAST_SIDE), "db2")
    sizes = np.abs(diagonal[diagonal != 0])
    level = float(np.median(sizes)) / GAUSSIAN_MEDIAN if sizes.size else 0.0
    return level if level > ROUNDING * float(np.abs(plane).max()) else 0.0


def _opponent(image: FloatArray, matrix: FloatArray) -> FloatArray:
    return image if image.shape[-1] == 1 else image @ matrix.T


def _at_least(image: FloatArray, side: int) -> FloatArray:
    """The image (H, W, ...) reflected at its bottom and right up to ``side``; itself if it is as large as that."""
    height, width = image.shape[:2]
    if min(height, width) >= side:
        return image
    below_and_right = [(0, max(0, side - height)), (0, max(0, side - width))]
    return np.pad(image, below_and_right + [(0, 0)] * (image.ndim - 2), mode="symmetric")
