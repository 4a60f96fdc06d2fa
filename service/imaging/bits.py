"""The number of bits per sample of integer images."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from biasfree.pixels import PixelArray, intensity_range
from service.errors import InvalidParameter
from service.imaging.metadata import NO_DATA
from service.imaging.picture import Picture


def spread(samples: PixelArray, bits: int) -> PixelArray:
    """Spread samples of ``bits`` bits over the whole range of uint8 (up to 8 bits) or uint16, rounding to nearest."""
    most = (1 << bits) - 1
    return spread_from(samples, most)


def spread_from(samples: PixelArray, most: int) -> PixelArray:
    """Spread samples in 0..``most`` over the whole range of uint8, or of uint16 if ``most`` is above 255."""
    target = 255 if most <= 255 else 65535
    dtype = np.dtype(np.uint8 if target == 255 else np.uint16)
    if most == target:
        return samples.astype(dtype, copy=False)
    return _scaled(samples, most, target).astype(dtype)


def _scaled(samples: PixelArray, most: int, target: int) -> PixelArray:
    """Return ``samples * target / most``, rounded to nearest; the product fits in 32 bits."""
    wide = np.minimum(samples, most).astype(np.uint32)
    return (wide * target + most // 2) // most


def with_bits(picture: Picture, bits: int | None, *, bit_depth: int | None = None) -> Picture:
    """Convert an integer picture to 8 or 16 bits per sample, alpha included.

    Args:
        picture: The picture, in the range of its dtype.
        bits: 8 or 16; None leaves it as it is.
        bit_depth: Bits in use, by default those of the picture: they are spread over all bits of the result.

    Raises:
        InvalidParameter: The picture has no unsigned integers of 8 or 16 bits.
    """
    if bits is None:
        return picture
    check_bits(picture, bits)
    used = int(intensity_range(picture.dtype, bit_depth or picture.bit_depth)[1])
    whole = int(intensity_range(picture.dtype)[1])
    dtype, target = np.dtype(f"uint{bits}"), (1 << bits) - 1
    if picture.dtype == dtype and used == whole:
        return picture
    frames = tuple(_scaled(frame, used, target).astype(dtype) for frame in picture.frames)
    alpha = tuple(None if each is None else _scaled(each, whole, target).astype(dtype) for each in picture.alpha)
    # The value of missing data may be that of other pixels now.
    return replace(picture, frames=frames, alpha=alpha, metadata=picture.metadata.without_tag(NO_DATA))


def depth_in_use(pages: Sequence[PixelArray], stored: int) -> int | None:
    """Return the bits of the largest intensity, for ``Picture.bit_depth``.

    Args:
        pages: Integers or floats of one dtype.
        stored: Bits per sample in the file.

    Returns:
        None if the whole dtype is in use: signed integers and floats, as many bits as it has, or values beyond them.
    """
    dtype = pages[0].dtype
    if dtype.kind != "u" or stored >= 8 * dtype.itemsize:
        return None
    return stored if all(page.max() < 1 << stored for page in pages) else None


def check_bits(picture: Picture, bits: int | None) -> None:
    """Refuse to convert a picture whose values have no known white; without ``bits``, nothing is converted.

    Raises:
        InvalidParameter: Its dtype is not uint8 or uint16.
    """
    if bits is not None and picture.dtype.name not in {"uint8", "uint16"}:
        raise InvalidParameter(
            f"bits={bits} is for unsigned pixels of 8 and 16 bits, and these are {picture.dtype}: omit it",
            actual=str(picture.dtype),
        )
