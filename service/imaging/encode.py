"""The encoding of a picture to bytes, and the limits of each format."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from service.errors import UnsupportedOutput
from service.imaging import avif, bmp, fits, jpeg, npy, png, pnm, tiff, webp
from service.imaging.bits import check_bits
from service.imaging.extras import installed
from service.imaging.formats import ImageFormat
from service.imaging.picture import DTYPES, INTEGERS, Picture

WRITERS: dict[ImageFormat, Callable[[Picture], bytes]] = {
    ImageFormat.PNG: png.write,
    ImageFormat.BMP: bmp.write,
    ImageFormat.TIFF: tiff.write,
    ImageFormat.NPY: npy.write,
    ImageFormat.PNM: pnm.write,
    ImageFormat.FITS: fits.write,
}

#: Writers that take a quality of 1 to 100, or None for their default.
LOSSY: dict[ImageFormat, Callable[[Picture, int | None], bytes]] = {
    ImageFormat.JPEG: jpeg.write,
    ImageFormat.WEBP: webp.write,
    ImageFormat.AVIF: avif.write,
}


@dataclass(frozen=True)
class Capacity:
    """The capabilities of a format; ``max_side`` is in pixels, None if no accepted image can reach it."""

    dtypes: tuple[str, ...]
    alpha: bool = False
    color_alpha: bool = False
    premultiplied: bool = False
    stack: bool = False
    color: bool = True
    any_channels: bool = False
    mixed_frames: bool = False
    max_side: int | None = None


# Sides: WebP's 14 bits; libjpeg's JPEG_MAX_DIMENSION; libpng's default user limit, which its readers enforce too.
CAPACITIES = {
    ImageFormat.PNG: Capacity(("uint8", "uint16"), alpha=True, max_side=1_000_000),
    ImageFormat.JPEG: Capacity(("uint8",), max_side=65_500),
    ImageFormat.WEBP: Capacity(("uint8",), alpha=True, max_side=16_383),
    ImageFormat.BMP: Capacity(("uint8",), color_alpha=True),
    ImageFormat.TIFF: Capacity(
        DTYPES, alpha=True, premultiplied=True, stack=True, mixed_frames=True, any_channels=True
    ),
    ImageFormat.NPY: Capacity(DTYPES, alpha=True, premultiplied=True, stack=True, any_channels=True),
    # libavif's limit, in its readers too.
    ImageFormat.AVIF: Capacity(("uint8",), alpha=True, max_side=32_768),
    ImageFormat.PNM: Capacity(("uint8", "uint16"), alpha=True),
    ImageFormat.FITS: Capacity((*INTEGERS, "float32", "float64"), color=False, stack=True),
}


#: Formats that hold a color profile.
PROFILED = frozenset({ImageFormat.PNG, ImageFormat.JPEG, ImageFormat.WEBP, ImageFormat.TIFF, ImageFormat.AVIF})

#: Formats that can be written, in the order of preference.
WRITABLE = tuple(CAPACITIES)


def can_hold(picture: Picture, format: ImageFormat, *, bits: int | None = None) -> bool:
    """Tell whether ``format`` can hold this picture's frames, alpha and dtype, or ``bits`` instead of the dtype."""
    capacity = CAPACITIES.get(format)
    if capacity is None or not installed(format):
        return False
    return (
        _dtype_name(picture, bits) in capacity.dtypes
        and (capacity.alpha or not picture.has_alpha or (capacity.color_alpha and picture.channels == 3))
        and (capacity.premultiplied or not picture.metadata.premultiplied)
        and (capacity.stack or len(picture.frames) == 1)
        and (capacity.any_channels or picture.channels in ({1, 3} if capacity.color else {1}))
        and (capacity.mixed_frames or picture.uniform)
        and (capacity.max_side is None or capacity.max_side >= max(max(frame.shape) for frame in picture.frames))
    )


def _dtype_name(picture: Picture, bits: int | None) -> str:
    return picture.dtype.name if bits is None else f"uint{bits}"


def check_output(picture: Picture, format: ImageFormat, *, bits: int | None = None) -> None:
    """Refuse a picture that ``encode`` could not write, before doing the work.

    Args:
        picture: The decoded picture, in the colors of the result.
        format: The requested format.
        bits: The requested bits per sample, if they are to be converted.

    Raises:
        UnsupportedOutput: ``facts`` has ``supported``, the names of the formats that can hold it.
        InvalidParameter: ``bits`` is for integers, and these pixels are not.
    """
    check_bits(picture, bits)
    if can_hold(picture, format, bits=bits):
        return
    supported = [other.value for other in ImageFormat if can_hold(picture, other, bits=bits)]
    fewer = picture.dtype == np.uint16 and bits is None and can_hold(picture, format, bits=8)
    raise UnsupportedOutput(
        f"{format.upper()} {_obstacle(picture, format, _dtype_name(picture, bits))}; "
        f"ask for {' or '.join(supported)}{', or for bits=8' if fewer else ''}",
        supported=supported,
    )


def _obstacle(picture: Picture, format: ImageFormat, dtype: str) -> str:
    """Describe why a format cannot hold a picture."""
    capacity = CAPACITIES.get(format)
    if capacity is None or not installed(format):
        return "can be read, and not written"
    side = max(max(frame.shape[:2]) for frame in picture.frames)
    if dtype not in capacity.dtypes:
        bits = 8 * max(np.dtype(name).itemsize for name in capacity.dtypes)
        return f"holds {bits} bits per channel, and these pixels are {dtype}"
    if len(picture.frames) > 1 and not capacity.stack:
        return f"holds one image, and these are {len(picture.frames)}"
    if picture.channels == 3 and not capacity.color:
        return "holds gray images, and this one has colors"
    if picture.channels not in {1, 3} and not capacity.any_channels:
        return f"holds gray and RGB, and this image has {picture.channels} channels"
    if not capacity.mixed_frames and not picture.uniform:
        return "holds images of one size"
    if capacity.max_side is not None and side > capacity.max_side:
        return f"holds {capacity.max_side} pixels per side, and this image has {side}"
    if picture.metadata.premultiplied and not capacity.premultiplied:
        return "holds no colors that are multiplied by alpha"
    return "holds no alpha channel"


def color_warning(picture: Picture, format: ImageFormat) -> str:
    """Return a warning if ``format`` cannot state the colors of a picture, which then look different; else nothing.

    PNG states all of them. AVIF states them by codes (ITU-T H.273), and several formats by a profile.
    """
    metadata = picture.metadata
    stated = format in PROFILED and metadata.icc_for(picture.channels) is not None
    named = format is ImageFormat.PNG or (format is ImageFormat.AVIF and metadata.color_codes is not None)
    if stated or named or not metadata.beyond_srgb:
        return ""
    return f"{format.upper()} cannot state the colors of this image, which may look different: ask for png"


def encode(picture: Picture, format: ImageFormat, *, quality: int | None = None) -> bytes:
    """Write a picture; every format but JPEG and AVIF is lossless. Gray is written as RGB in WebP, which has no gray.

    Args:
        picture: The picture.
        format: The format.
        quality: 1 to 100 for JPEG and AVIF, and for a WebP that is not lossless; without effect in other formats.

    Raises:
        UnsupportedOutput: ``format`` cannot hold it.
    """
    check_output(picture, format)
    if format in LOSSY:
        return LOSSY[format](picture, quality)
    return WRITERS[format](picture)
