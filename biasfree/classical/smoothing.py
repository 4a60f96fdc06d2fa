"""Smoothing methods without a transform, each the state of the art in its time."""

import numpy as np
import numpy.typing as npt
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle

FloatArray = npt.NDArray[np.float32]

#: Parameters of non-local means: side of a patch and search distance in pixels; strength in units of the noise. On
#: photographs of the training set, larger patches and distances were better only for noise of sigma 50 and more.
PATCH, DISTANCE, STRENGTH = 5, 6, 0.6
#: Weight of total variation, in units of the noise: the best of 0.7 to 1.5 at sigma 25 on the same photographs.
WEIGHT = 0.85


def nonlocal_means(image: FloatArray, sigma: float) -> FloatArray:
    """Average pixels with similar patches; (H, W, C) float32 and noise standard deviation > 0."""
    denoised: FloatArray = denoise_nl_means(
        image, PATCH, DISTANCE, STRENGTH * sigma, fast_mode=True, sigma=sigma, channel_axis=-1
    )
    return denoised.reshape(image.shape)  # it drops a single channel axis


def total_variation(plane: FloatArray, sigma: float) -> FloatArray:
    """Minimize ``|x - y|^2 / 2 + weight TV(x)``; (H, W) float32 and noise standard deviation > 0."""
    denoised: FloatArray = denoise_tv_chambolle(plane, weight=WEIGHT * sigma)  # type: ignore[no-untyped-call]
    return denoised
