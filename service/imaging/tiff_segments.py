"""The strips and tiles of a TIFF page, and the sizes of those that are image files themselves."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tifffile import COMPRESSION, TiffPage

from service.errors import UndecodableImage
from service.imaging import jp2, jpeg, webp

#: A JPEG ends on a block of at most 4 x 8 pixels.
JPEG_BLOCK = 32


@dataclass(frozen=True)
class Announced:
    """The size that the header of a strip or tile states, and ``bits`` and ``samples`` if it states them."""

    width: int
    height: int
    bits: int | None = None
    samples: int | None = None


def segments(page: TiffPage) -> Iterator[bytes]:
    """Yield the bytes of each strip or tile of a page."""
    for start, size in zip(page.dataoffsets, page.databytecounts, strict=True):
        page.parent.filehandle.seek(start)
        yield page.parent.filehandle.read(size)


def check_segments(page: TiffPage) -> None:
    """Refuse a page one of whose images is larger than its strip or tile; the decoder would allocate it.

    Raises:
        UndecodableImage: A segment is larger, has other samples than the page, or has no header.
    """
    read = HEADERS.get(page.compression)
    if read is None:
        return
    rows, columns = page.chunks[:2]
    margin = JPEG_BLOCK if page.compression == COMPRESSION.JPEG else 0
    for segment in filter(None, segments(page)):
        found = read(segment)
        if found.width * found.height > (rows + margin) * (columns + margin):
            raise UndecodableImage(
                f"the TIFF has an image of {found.width} x {found.height} pixels in a strip of {columns} x {rows}"
            )
        samples = 1 if page.planarconfig == 2 else page.samplesperpixel
        if found.bits not in {None, page.bitspersample} or found.samples not in {None, samples}:
            raise UndecodableImage("the TIFF has a strip with other samples than it says: it is damaged")


def _jpeg(segment: bytes) -> Announced:
    header = jpeg.frame_header(segment)
    return Announced(header.width, header.height)


def _webp(segment: bytes) -> Announced:
    return Announced(*webp.size(segment))


def _jp2(segment: bytes) -> Announced:
    header = jp2.announced(segment)
    return Announced(header.width, header.height, header.bits, len(header.components))


HEADERS: dict[int, Callable[[bytes], Announced]] = {
    COMPRESSION.JPEG: _jpeg,
    COMPRESSION.WEBP: _webp,
    COMPRESSION.JPEG2000: _jp2,
    COMPRESSION.APERIO_JP2000_RGB: _jp2,
}
