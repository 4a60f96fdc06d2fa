"""The value of white, and the color samples of an image, for the commands that work without the service."""

from typing import Any

import numpy as np

from biasfree_client._errors import UnsupportedImage
from biasfree_client._image import AnyArray


def white_of(dtype: np.dtype[Any], bit_depth: int | None = None) -> float:
    """Return the value of white, by the service's rule: that of ``bit_depth``, 1 for floats, or the integers' maximum.

    Raises:
        UnsupportedImage: The dtype is neither an integer nor a float.
    """
    if bit_depth is not None:
        return float(2**bit_depth - 1)
    if np.issubdtype(dtype, np.floating):
        return 1.0
    if np.issubdtype(dtype, np.integer):
        return float(np.iinfo(dtype).max)
    raise UnsupportedImage(f"Pixels must be integers or floats, not {dtype}")


def colors_of(pixels: AnyArray) -> AnyArray:
    """Return a view of the samples without alpha, (..., H, W) or (..., H, W, C); alpha is the last of 2 or 4 channels.

    Raises:
        UnsupportedImage: The array is not an image.
    """
    if pixels.ndim < 2 or not pixels.size:
        raise UnsupportedImage(f"An array of shape {pixels.shape} is not an image")
    return pixels[..., :-1] if pixels.ndim > 2 and pixels.shape[-1] in (2, 4) else pixels
