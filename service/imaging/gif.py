"""GIF through Pillow: the first frame."""

import io
import struct

import numpy as np
from PIL import GifImagePlugin

from biasfree.pixels import PixelArray
from service.errors import UndecodableImage
from service.imaging.formats import ImageFormat
from service.imaging.limits import ImageLimits
from service.imaging.metadata import Metadata
from service.imaging.picture import FIRST_FRAME, Picture, picture_of

EXTENSION, IMAGE = 0x21, 0x2C
HEADER_BYTES = 13
#: Extensions before the first frame; programs write up to 5.
MAX_BLOCKS = 1000


def read(data: bytes, limits: ImageLimits) -> Picture:
    """Decode the first frame to RGB (or gray, if all its colors are gray), with alpha if a color is transparent.

    The size is read here, because Pillow allocates a canvas when it opens a file.
    """
    width, height = _size(data)
    limits.check(pixels=width * height)
    with GifImagePlugin.GifImageFile(io.BytesIO(data)) as image:
        transparent = "transparency" in image.info
        samples = np.asarray(image.convert("RGBA" if transparent else "RGB"))
        animated = _is_animated(image)
    warning = FIRST_FRAME.format("GIF") if animated else ""
    return picture_of([_fewest_samples(samples)], ImageFormat.GIF, Metadata(), warning=warning)


def _is_animated(image: GifImagePlugin.GifImageFile) -> bool:
    """Tell whether there is a second frame, damaged or not."""
    try:
        return bool(image.is_animated)
    except (OSError, SyntaxError, ValueError, IndexError, struct.error):
        return True


def _fewest_samples(samples: PixelArray) -> PixelArray:
    """Drop an opaque alpha, and two of three equal colors."""
    if samples.shape[2] == 4 and samples[..., 3].min() == 255:
        samples = samples[..., :3]
    if (samples[..., :1] == samples[..., 1:3]).all():
        return samples[..., 2:]
    return samples


def _size(data: bytes) -> tuple[int, int]:
    """Return the size of the screen, enlarged to hold the first frame (GIF 89a, sections 18 and 20).

    Raises:
        UndecodableImage: There is no frame.
    """
    if len(data) < HEADER_BYTES:
        raise UndecodableImage("the GIF has no complete header: it is damaged")
    width, height, flags = struct.unpack("<HHB", data[6:11])
    at = HEADER_BYTES + (3 << (1 + (flags & 7)) if flags & 0x80 else 0)
    for _ in range(MAX_BLOCKS):
        if data[at : at + 1] != bytes([EXTENSION]):
            break
        at = _after_sub_blocks(data, at + 2)
    if data[at : at + 1] != bytes([IMAGE]) or len(data) < at + 9:
        raise UndecodableImage("the GIF has no frame: it is damaged")
    left, top, frame_width, frame_height = struct.unpack("<4H", data[at + 1 : at + 9])
    return max(width, left + frame_width), max(height, top + frame_height)


def _after_sub_blocks(data: bytes, at: int) -> int:
    while at < len(data) and data[at]:
        at += 1 + data[at]
    return at + 1
