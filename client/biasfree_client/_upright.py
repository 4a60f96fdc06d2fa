"""The orientation of a camera, applied to the pixels."""

from typing import Any

import numpy.typing as npt


def upright(image: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """Turn an image (H, W, ...) upright by its orientation tag, 1 to 8 (EXIF 2.32, 0x0112); others mean upright."""
    if orientation in {5, 6, 7, 8}:
        image = image.swapaxes(0, 1)
    if orientation in {2, 3, 6, 7}:
        image = image[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        image = image[::-1]
    return image
