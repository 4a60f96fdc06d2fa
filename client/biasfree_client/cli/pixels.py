"""What is white, and which samples are colour: for the commands that work on pixels here."""

from typing import Any

import numpy as np
import numpy.typing as npt

from biasfree_client._errors import UnsupportedImage

AnyArray = npt.NDArray[Any]


def white_of(dtype: np.dtype[Any], bit_depth: int | None = None) -> float:
    """The value of white, as the service has it: 1 for floats, the type's maximum for integers, or ``bit_depth``'s.

    Raises:
        UnsupportedImage: The dtype is neither an integer nor a float.
    """
    if bit_depth is not None:
        return float(2**bit_depth - 1)
    if np.issubdtype(dtype, np.floating):
        return 1.0
    if np.issubdtype(dtype, np.integer):
        return float(np.iinfo(dtype).max)
    raise UnsupportedImage(f"expected pixels that are integers or floats, got {dtype}")


def colors_of(pixels: AnyArray) -> AnyArray:
    """The samples without alpha: a view (..., H, W) or (..., H, W, C). A last axis of 2 or 4 has alpha at its end.

    Raises:
        UnsupportedImage: It is no image.
    """
    if pixels.ndim < 2 or not pixels.size:
        raise UnsupportedImage(f"expected an image, got an array {pixels.shape}")
    return pixels[..., :-1] if pixels.ndim > 2 and pixels.shape[-1] in (2, 4) else pixels
