"""TIFF pages in YCbCr: the check of JPEG segments, and the decoding of subsampled samples that are not JPEG."""

import struct
from collections.abc import Iterator

import numpy as np
from PIL import Image
from tifffile import COMPRESSION, TIFF, TiffPage

from biasfree.pixels import PixelArray
from service.errors import UndecodableImage, UnsupportedMedia

#: Default of YCbCrSubSampling: one pair of color differences for 2 x 2 pixels.
SUBSAMPLING, DEFAULT_SUBSAMPLING = 530, (2, 2)
#: Start of frame in all its variants, but for the markers between them that are no frames (ITU-T T.81, table B.1).
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
SCAN, STANDALONE = 0xDA, frozenset({0x01, *range(0xD0, 0xD9)})
#: A JPEG ends on a block of at most 4 x 8 pixels.
BLOCK = 32


def segments(page: TiffPage) -> Iterator[bytes]:
    """Yield the bytes of each strip or tile of a page."""
    for start, size in zip(page.dataoffsets, page.databytecounts, strict=True):
        page.parent.filehandle.seek(start)
        yield page.parent.filehandle.read(size)


def check_jpeg(page: TiffPage) -> None:
    """Refuse a page one of whose JPEGs announces more pixels than its strip or tile has; libjpeg would allocate them.

    Raises:
        UndecodableImage: A segment is larger, or has no frame.
    """
    rows, columns = page.chunks[:2]
    most = (rows + BLOCK) * (columns + BLOCK)
    for segment in segments(page):
        width, height = jpeg_size(segment)
        if width * height > most:
            raise UndecodableImage(f"the TIFF has a JPEG of {width} x {height} pixels in a strip of {columns} x {rows}")


def jpeg_size(data: bytes) -> tuple[int, int]:
    """Return width and height in the first frame header of a JPEG.

    Raises:
        UndecodableImage: There is none before the first scan.
    """
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF or marker in STANDALONE:
            at += 1 if marker == 0xFF else 2
            continue
        if marker in FRAMES and at + 9 <= len(data):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        if marker == SCAN:
            break
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    raise UndecodableImage("the TIFF has a JPEG without a frame: it is damaged")


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
