"""TIFF pages in YCbCr whose samples are subsampled, and not compressed as JPEG."""

import numpy as np
from PIL import Image
from tifffile import COMPRESSION, TIFF, TiffPage

from biasfree.pixels import PixelArray
from service.errors import UndecodableImage, UnsupportedMedia
from service.imaging.tiff_segments import segments

#: Default of YCbCrSubSampling: one pair of color differences for 2 x 2 pixels.
SUBSAMPLING, DEFAULT_SUBSAMPLING = 530, (2, 2)


def is_unpacked_here(page: TiffPage) -> bool:
    """Tell whether ``read_ycbcr`` must read a YCbCr page: tifffile converts JPEG alone."""
    return page.compression != COMPRESSION.JPEG


def read_ycbcr(page: TiffPage) -> PixelArray:
    """Read an 8-bit YCbCr page of any compression but JPEG as RGB (H, W, 3).

    The samples of each unit of pixels are its luminances and one pair of color differences (TIFF 6.0, section 21).

    Raises:
        UnsupportedMedia: The planes are separate, or a predictor was applied.
    """
    horizontal, vertical = page.tags.valueof(SUBSAMPLING, DEFAULT_SUBSAMPLING)
    sound = {horizontal, vertical} <= {1, 2, 4} and page.bitspersample == 8
    if page.planarconfig != 1 or page.predictor != 1 or not sound:
        raise UnsupportedMedia(
            "a YCbCr TIFF with separate planes, a predictor or more than 8 bits is not supported: convert it to RGB",
            supported=["8-bit chunky YCbCr", "RGB"],
        )
    high, wide = page.chunks[:2]
    rows, columns = -(-high // vertical) * vertical, -(-wide // horizontal) * horizontal
    shape = (rows // vertical, columns // horizontal, horizontal * vertical + 2)
    across = -(-page.imagewidth // wide)
    image = np.zeros((-(-page.imagelength // high) * high, across * wide, 3), np.uint8)
    for index, segment in enumerate(segments(page)):
        top, left = index // across * high, index % across * wide
        units = _units(_decompressed(segment, page, int(np.prod(shape))), shape, rest=page.imagelength - top, page=page)
        pixels = _pixels(units, horizontal, vertical)[:high, :wide]
        image[top : top + len(pixels), left : left + wide] = pixels
    cropped = np.ascontiguousarray(image[: page.imagelength, : page.imagewidth])
    return np.asarray(Image.fromarray(cropped, mode="YCbCr").convert("RGB"))


def _decompressed(segment: bytes, page: TiffPage, most: int) -> bytes:
    """Decompress a segment, to at most ``most`` bytes."""
    if page.compression == COMPRESSION.NONE:
        return segment[:most]
    return bytes(TIFF.DECOMPRESSORS[page.compression](segment, out=most))


def _units(data: bytes, shape: tuple[int, int, int], *, rest: int, page: TiffPage) -> PixelArray:
    """Return the units (rows, columns, samples) of a segment; the last strip may have fewer rows."""
    row_bytes = shape[1] * shape[2]
    vertical = page.tags.valueof(SUBSAMPLING, DEFAULT_SUBSAMPLING)[1]
    needed = shape[0] if page.is_tiled else min(shape[0], -(-rest // vertical))
    if len(data) < needed * row_bytes:
        raise UndecodableImage("the TIFF is incomplete: a strip ends before its pixels do")
    return np.frombuffer(data, np.uint8, needed * row_bytes).reshape(needed, *shape[1:])


def _pixels(units: PixelArray, horizontal: int, vertical: int) -> PixelArray:
    """Spread units over pixels (H, W, 3)."""
    rows, columns = units.shape[:2]
    blocks = units[..., :-2].reshape(rows, columns, vertical, horizontal)
    luma = blocks.swapaxes(1, 2).reshape(rows * vertical, columns * horizontal)
    chroma = (units[..., plane].repeat(vertical, axis=0).repeat(horizontal, axis=1) for plane in (-2, -1))
    return np.dstack([luma, *chroma])
