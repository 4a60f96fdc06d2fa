"""The padding of DICOM images: pixels outside the field of view, which have no data."""

from typing import Any

import numpy as np

from biasfree.hidden import Mask
from biasfree.pixels import PixelArray

#: Color interpretations that may have padding (DICOM PS3.3, section C.7.5.1.1.2).
GRAY = ("MONOCHROME1", "MONOCHROME2")
#: Values of padding have 16 bits, signed or unsigned.
VALUES = 1 << 16


def with_data(stored: PixelArray, dataset: Any) -> Mask | None:
    """Return which pixels (Z, H, W) have data, by PixelPaddingValue and PixelPaddingRangeLimit; None if all do.

    Args:
        stored: The stored values, (H, W) or (Z, H, W), before MONOCHROME1 is inverted: those are the ones that padding
            is given in, whatever the rescaling.
        dataset: The data set that they are from.
    """
    first = _value(dataset, "PixelPaddingValue", stored)
    if first is None or dataset.PhotometricInterpretation not in GRAY:
        return None
    last = _value(dataset, "PixelPaddingRangeLimit", stored)
    low, high = sorted((first, first if last is None else last))
    visible: Mask = (stored < low) | (stored > high)
    return None if visible.all() else visible.reshape(-1, *visible.shape[-2:])


def _value(dataset: Any, name: str, stored: PixelArray) -> int | None:
    """Return a value of padding as the pixels have it: some writers confuse the signs of the two types."""
    value = dataset.get(name)
    if not isinstance(value, int):
        return None
    limits = np.iinfo(stored.dtype)
    if value > limits.max:
        return value - VALUES
    return value + VALUES if value < limits.min else value
