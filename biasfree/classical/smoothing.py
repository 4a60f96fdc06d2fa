"""Two that were the state of the art in their time and are no transforms, for scale."""

import numpy as np
import numpy.typing as npt
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle

FloatArray = npt.NDArray[np.float32]

#: Of non-local means: sides of patches and how far away others are looked for, pixels; strength in units of the noise.
#: Larger patches and distances gave less on photographs of the training set, but for noise of sigma 50 and more.
PATCH, DISTANCE, STRENGTH = 5, 6, 0.6
#: Of total variation, in units of the noise: the best of 0.7 to 1.5 at sigma 25, on the same photographs.
WEIGHT = 0.85


def nonlocal_means(image: FloatArray, sigma: float) -> FloatArray:
    """Mean over pixels whose patches are alike; (H, W, C) float32 and noise standard deviation > 0."""
    denoised: FloatArray = denoise_nl_means(
        image, PATCH, DISTANCE, STRENGTH * sigma, fast_mode=True, sigma=sigma, channel_axis=-1
    )
    return denoised.reshape(image.shape)  # it drops a channel that is alone


def total_variation(plane: FloatArray, sigma: float) -> FloatArray:
    """The image of least ``|x - y|^2 / 2 + weight TV(x)``; (H, W) float32 and noise standard deviation > 0."""
    denoised: FloatArray = denoise_tv_chambolle(plane, weight=WEIGHT * sigma)  # type: ignore[no-untyped-call]
    return denoised
