"""The encoding of a picture to bytes, and the limits of each format."""

from dataclasses import dataclass

import numpy as np

from service.errors import UnsupportedOutput
from service.imaging import bmp, jpeg, npy, png, tiff, webp
from service.imaging.formats import ImageFormat
from service.imaging.picture import DTYPES, Picture

WRITERS = {
    ImageFormat.PNG: png.write,
    ImageFormat.JPEG: jpeg.write,
    ImageFormat.WEBP: webp.write,
    ImageFormat.BMP: bmp.write,
    ImageFormat.TIFF: tiff.write,
    ImageFormat.NPY: npy.write,
}


@dataclass(frozen=True)
class Capacity:
    """The capabilities of a format; ``max_side`` is in pixels, None if no accepted image can reach it."""

    dtypes: tuple[str, ...]
    alpha: bool = False
    color_alpha: bool = False
    premultiplied: bool = False
    stack: bool = False
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
}


def can_hold(picture: Picture, format: ImageFormat) -> bool:
    """Tell whether ``format`` can hold this picture's frames, alpha and dtype."""
    capacity = CAPACITIES[format]
    return (
        picture.dtype.name in capacity.dtypes
        and (capacity.alpha or not picture.has_alpha or (capacity.color_alpha and picture.channels == 3))
        and (capacity.premultiplied or not picture.metadata.premultiplied)
        and (capacity.stack or len(picture.frames) == 1)
        and (capacity.any_channels or picture.channels in {1, 3})
        and (capacity.mixed_frames or picture.uniform)
        and (capacity.max_side is None or capacity.max_side >= max(max(frame.shape) for frame in picture.frames))
    )


def check_output(picture: Picture, format: ImageFormat) -> None:
    """Refuse a picture that ``encode`` could not write, before doing the work.

    Args:
        picture: The decoded picture, in the colors of the result.
        format: The requested format.

    Raises:
        UnsupportedOutput: ``facts`` has ``supported``, the names of the formats that can hold it.
    """
    if can_hold(picture, format):
        return
    supported = [other.value for other in ImageFormat if can_hold(picture, other)]
    raise UnsupportedOutput(
        f"{format.upper()} {_obstacle(picture, format)}; ask for {' or '.join(supported)}", supported=supported
    )


def _obstacle(picture: Picture, format: ImageFormat) -> str:
    """Describe why a format cannot hold a picture."""
    capacity = CAPACITIES[format]
    side = max(max(frame.shape[:2]) for frame in picture.frames)
    if picture.dtype.name not in capacity.dtypes:
        bits = 8 * max(np.dtype(name).itemsize for name in capacity.dtypes)
        return f"holds {bits} bits per channel, and these pixels are {picture.dtype}"
    if len(picture.frames) > 1 and not capacity.stack:
        return f"holds one image, and these are {len(picture.frames)}"
    if picture.channels not in {1, 3} and not capacity.any_channels:
        return f"holds gray and RGB, and this image has {picture.channels} channels"
    if not capacity.mixed_frames and not picture.uniform:
        return "holds images of one size"
    if capacity.max_side is not None and side > capacity.max_side:
        return f"holds {capacity.max_side} pixels per side, and this image has {side}"
    if picture.metadata.premultiplied and not capacity.premultiplied:
        return "holds no colors that are multiplied by alpha"
    return "holds no alpha channel"


def encode(picture: Picture, format: ImageFormat) -> bytes:
    """Write a picture; every format but JPEG is lossless. Gray is written as RGB in WebP, which has no gray.

    Raises:
        UnsupportedOutput: ``format`` cannot hold it.
    """
    check_output(picture, format)
    return WRITERS[format](picture)
