"""Conversions between gray, RGB and CMYK."""

import io
from dataclasses import replace

import numpy as np
from PIL import Image, ImageCms

from biasfree.pixels import LUMA_65536, PixelArray, has_equal_channels
from service.errors import InvalidParameter
from service.imaging.metadata import describes
from service.imaging.picture import Picture


def to_gray(picture: Picture) -> Picture:
    """Convert to Rec. 601 luma in the same dtype, as in Pillow's ``L``.

    It is (19595 R + 38470 G + 7471 B) / 65536, with integers rounded to nearest.
    """
    if picture.channels == 1:
        return picture
    _require_rgb(picture, "gray")
    layout = replace(picture.layout, channel_axis=False)
    return replace(picture, frames=tuple(_luma(frame) for frame in picture.frames), layout=layout)


def to_rgb(picture: Picture) -> Picture:
    """Convert gray to RGB with three equal channels; return an RGB picture as it is."""
    if picture.channels == 3 and not picture.metadata.gray_channels:
        return picture
    if picture.channels != 1:
        _require_rgb(picture, "rgb")
    layout = replace(picture.layout, channel_axis=True)
    return replace(picture, frames=tuple(np.repeat(frame, 3, axis=2) for frame in picture.frames), layout=layout)


def _require_rgb(picture: Picture, color: str) -> None:
    if picture.channels != 3 or picture.metadata.gray_channels:
        raise InvalidParameter(
            f"color={color} is for gray and RGB images, and this image has {picture.channels} channels: omit it",
            actual=picture.channels,
        )


def one_channel(picture: Picture) -> Picture:
    """Reduce RGB with R = G = B in every frame to one channel, a view; return any other picture as it is."""
    if not all(has_equal_channels(frame) for frame in picture.frames):
        return picture
    layout = replace(picture.layout, equal_channels=True)
    return replace(picture, frames=tuple(frame[..., :1] for frame in picture.frames), layout=layout)


def all_channels(picture: Picture) -> Picture:
    """Undo ``one_channel``, exactly; return any other picture as it is."""
    if not picture.layout.equal_channels:
        return picture
    layout = replace(picture.layout, equal_channels=False)
    return replace(picture, frames=tuple(np.repeat(frame, 3, axis=2) for frame in picture.frames), layout=layout)


def _luma(frame: PixelArray) -> PixelArray:
    """Convert RGB (H, W, 3) to gray (H, W, 1), exactly for integers."""
    if frame.dtype.kind in "iu":
        return _integer_luma(frame).astype(frame.dtype)[..., np.newaxis]
    gray: PixelArray = frame @ (np.array(LUMA_65536, dtype=np.result_type(frame.dtype, np.float32)) / 65536)
    return gray.astype(frame.dtype)[..., np.newaxis]


def _integer_luma(frame: PixelArray) -> PixelArray:
    """Return luma (H, W). The largest uint16 sum, 65535 * 65536 + 32768, still fits in uint32; so do upper halves."""
    kind, size = frame.dtype.kind, frame.dtype.itemsize
    weights = np.array(LUMA_65536, dtype=np.uint32 if kind == "u" and size <= 2 else f"{kind}8")
    rounding = weights.dtype.type(1 << 15)
    lower: PixelArray = frame & 0xFFFF if size > 4 else frame
    luma: PixelArray = (lower @ weights + rounding) >> 16
    if size > 4:
        luma += (frame >> 16) @ weights
    return luma


def cmyk_to_rgb(ink: PixelArray, icc: bytes | None) -> PixelArray:
    """Convert CMYK inks (H, W, 4) to sRGB (H, W, 3), both uint8; 255 is full ink.

    It uses the press profile if there is one. Without one, or if Little CMS refuses it, it uses Pillow's subtraction.
    """
    image = Image.fromarray(np.ascontiguousarray(ink), mode="CMYK")
    if icc is not None and describes(icc, 4):
        try:
            press = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            converted = ImageCms.profileToProfile(image, press, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            converted = None
        if converted is not None:
            return np.asarray(converted)
    return np.asarray(image.convert("RGB"))
