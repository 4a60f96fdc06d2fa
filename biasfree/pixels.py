"""The exact conversion of pixels of any dtype to the network's float32 and back, without rescaling."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

PixelArray = NDArray[Any]
FloatArray = NDArray[np.float32]

# Rec. 601 luma in 1/65536, as in Pillow's ImagingConvert: for 8 bits the result is identical to its "L".
LUMA_65536 = (19595, 38470, 7471)

#: Rows compared at a time: in most RGB pictures the first rows differ, and no array of the whole picture is created.
_ROWS_COMPARED = 64

#: Pixels of each side at most where a value is measured on a grid of them.
_THINNED = 256

#: Scales far enough from both ends of float32 that neither quotient nor product leaves its range.
SINGLE_RANGE = (2.0**-100, 2.0**100)


class BitDepthError(ValueError):
    """The bit depth does not fit the dtype.

    Attributes:
        facts: ``actual``, and ``limit`` if there is one.
    """

    def __init__(self, message: str, **facts: int | str) -> None:
        super().__init__(message)
        self.facts = facts


def thinned(planes: PixelArray) -> PixelArray:
    """Return a grid of the pixels (C, H, W), as a view: every n-th row and column, at most 256 of each."""
    rows, columns = (-(-side // _THINNED) for side in planes.shape[1:])
    return planes[:, ::rows, ::columns]


def to_float(frame: PixelArray, *, scale: float = 1.0) -> FloatArray:
    """Convert a frame to the network's input ``frame / scale``, exactly for every dtype but float64.

    Args:
        frame: Page (H, W, C) in its native dtype and range.
        scale: A power of two that brings float64 values into float32's range. Since the network is homogeneous,
            ``from_float`` with the same scale undoes it.

    Returns:
        Image (C, H, W), float32, C-contiguous, in the frame's own units over ``scale``; may share the frame's memory.
    """
    planes = np.moveaxis(frame, -1, 0)
    if scale == 1.0:
        return np.ascontiguousarray(planes, dtype=np.float32)
    factor = _factor(scale, frame.dtype)
    return np.ascontiguousarray(planes / factor, dtype=np.float32)


def from_float(
    image: FloatArray, dtype: np.dtype[Any], *, scale: float = 1.0, bit_depth: int | None = None
) -> PixelArray:
    """Convert the network's output to a file's dtype: ``image * scale``.

    Args:
        image: Image (C, H, W), float32, in the frame's own units over ``scale``.
        dtype: One of ``DTYPES``. Integers are rounded to nearest and clipped to ``intensity_range``; floats are not
            clipped, except that overflow is clipped to the type's largest number.
        scale: The scale passed to ``to_float``.
        bit_depth: Significant bits of an integer type, if fewer than it has; ignored for floats.

    Returns:
        Page (H, W, C) of ``dtype``, C-contiguous; may share the memory of ``image``.

    Raises:
        BitDepthError: ``bit_depth`` does not fit ``dtype``.
    """
    values: PixelArray = np.moveaxis(image, 0, -1)
    if scale != 1.0:
        values = values * _factor(scale, dtype)
    if dtype.kind in "iu":
        low, high = intensity_range(dtype, bit_depth)
        if dtype.itemsize > 2:
            values = values.astype(np.float64)
        values = np.rint(values)
        return np.clip(values, low, _at_most(high), out=values).astype(dtype, order="C")
    if scale != 1.0 or dtype.itemsize < values.itemsize:
        largest = float(np.finfo(dtype).max)
        values = np.clip(values, -largest, largest)
    return values.astype(dtype, order="C", copy=False)


def _at_most(high: int) -> float:
    """Return the largest float64 that is at most ``high``: float64 cannot represent 2**63 - 1."""
    nearest = float(high)
    return nearest if int(nearest) <= high else float(np.nextafter(nearest, 0))


def _factor(scale: float, dtype: np.dtype[Any]) -> np.floating[Any]:
    """Return the scale in the type to compute with: float32, which takes half the memory, if that is exact."""
    exact = dtype.itemsize <= 4 and SINGLE_RANGE[0] <= scale <= SINGLE_RANGE[1]
    return np.float32(scale) if exact else np.float64(scale)


def intensity_range(dtype: np.dtype[Any], bit_depth: int | None = None) -> tuple[int, int]:
    """Return the least and greatest intensity of an integer dtype, both included.

    With ``bit_depth`` they are 0 and ``2**bit_depth - 1``. Call it on the input, to refuse it before doing the work.

    Raises:
        BitDepthError: ``bit_depth`` is not in 1..bits of ``dtype``, or ``dtype`` is not an integer;
            ``facts`` has ``limit`` and ``actual``.
    """
    if dtype.kind not in "iu":
        raise BitDepthError(f"bit_depth is for integer pixels only, and these are {dtype}: omit it", actual=dtype.name)
    largest = int(np.iinfo(dtype).max)
    if bit_depth is None:
        return int(np.iinfo(dtype).min), largest
    if not 1 <= bit_depth <= largest.bit_length():
        raise BitDepthError(
            f"bit_depth={bit_depth} does not fit {dtype} pixels: use a value from 1 to {largest.bit_length()}",
            limit=largest.bit_length(),
            actual=bit_depth,
        )
    return 0, 2**bit_depth - 1


def luma(image: FloatArray) -> FloatArray:
    """Return the Rec. 601 luma (1, H, W) of RGB (3, H, W), float32, not rounded."""
    weights = np.array(LUMA_65536, dtype=np.float32) / np.float32(65536)
    return np.tensordot(weights, image, axes=1)[np.newaxis]


def has_equal_channels(frame: PixelArray) -> bool:
    """Tell whether a frame (H, W, C) has three channels with the same values: gray stored as RGB."""
    if frame.shape[2] != 3:
        return False
    bands = (frame[top : top + _ROWS_COMPARED] for top in range(0, len(frame), _ROWS_COMPARED))
    return all(
        np.array_equal(band[..., 0], band[..., 1]) and np.array_equal(band[..., 0], band[..., 2]) for band in bands
    )


def has_empty_channel(frames: Sequence[PixelArray]) -> bool:
    """Tell whether some, but not all, of three channels have one value in all frames (H, W, C): no colors, but dyes."""
    if frames[0].shape[2] != 3:
        return False
    empty = np.ones(3, dtype=np.bool_)
    for frame in frames:
        for top in range(0, len(frame), _ROWS_COMPARED):
            empty &= (frame[top : top + _ROWS_COMPARED] == frames[0][0, 0]).all(axis=(0, 1))
            if not empty.any():
                return False
    return not empty.all()
