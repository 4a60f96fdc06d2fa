"""JPEG XL through libjxl (imagecodecs)."""

from dataclasses import dataclass

import imagecodecs
import numpy as np

from service.errors import UndecodableImage, UnsupportedMedia
from service.imaging.bits import spread
from service.imaging.exif import read_exif
from service.imaging.formats import ImageFormat
from service.imaging.iso_media import boxes
from service.imaging.limits import ImageLimits
from service.imaging.metadata import Metadata
from service.imaging.picture import Picture, picture_of

CODESTREAM = b"\xff\x0a"
#: Enough for the size and the metadata that are read, which have at most 40 bytes.
HEADER_BYTES = 64

#: ISO/IEC 18181-1, table of aspect ratios: width = height * numerator // denominator.
RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}


@dataclass(frozen=True)
class Header:
    """The size and the samples that a codestream announces."""

    width: int
    height: int
    bits: int = 8
    floating: bool = False
    animated: bool = False
    extra_channels: int = 0


class Bits:
    """A reader of the fields of a codestream, least significant bit first.

    Args:
        data: The first bytes.
    """

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "little"), 8 * len(data)

    def read(self, count: int) -> int:
        """Read an unsigned number of ``count`` bits.

        Raises:
            UndecodableImage: The data end before it.
        """
        if count > self._left:
            raise UndecodableImage("the JPEG XL image has no complete header: it is damaged")
        value = self._value & ((1 << count) - 1)
        self._value, self._left = self._value >> count, self._left - count
        return value

    def choice(self, *distributions: tuple[int, int]) -> int:
        """Read a number in one of four distributions, each an offset and a number of bits."""
        offset, count = distributions[self.read(2)]
        return offset + self.read(count)


def read(data: bytes, limits: ImageLimits) -> Picture:
    """Decode one image, upright, of 8 or 16 bits or of floats; a color profile in the codestream is not kept."""
    head, exif = _parts(data)
    header = read_header(head)
    limits.check(pixels=header.width * header.height)
    if header.animated:
        raise UnsupportedMedia("an animated JPEG XL is not supported: send one image", supported=["tiff", "npy"])
    if header.extra_channels > 1:
        raise UnsupportedMedia(
            f"the JPEG XL image has {header.extra_channels} extra channels: only alpha is supported",
            supported=["alpha"],
        )
    samples = imagecodecs.jpegxl_decode(data, numthreads=1)
    if samples.dtype.kind == "u" and header.bits not in {8, 16}:
        samples = spread(samples, header.bits)
    elif samples.dtype.kind == "f":
        samples = samples.astype(np.float32, copy=False)
    return picture_of([samples], ImageFormat.JXL, Metadata(exif=read_exif(exif, ImageFormat.JXL).kept))


def _parts(data: bytes) -> tuple[bytes, bytes | None]:
    """Return the start of the codestream and the EXIF block; a file is a codestream or a container of boxes."""
    if data.startswith(CODESTREAM):
        return data[:HEADER_BYTES], None
    head, exif = b"", None
    for kind, payload in boxes(data):
        if kind in {b"jxlc", b"jxlp"} and len(head) < HEADER_BYTES:
            head += bytes(payload[4 if kind == b"jxlp" else 0 :][:HEADER_BYTES])
        elif kind == b"Exif":
            exif = bytes(payload[4:])
    if not head.startswith(CODESTREAM):
        raise UndecodableImage("the JPEG XL file has no image: it is damaged")
    return head, exif


def read_header(head: bytes) -> Header:
    """Read the fields before the pixels (ISO/IEC 18181-1, SizeHeader and ImageMetadata).

    Raises:
        UndecodableImage: The header is incomplete.
    """
    bits = Bits(head[len(CODESTREAM) :])
    width, height = _size(bits)
    if bits.read(1):  # All further fields have their defaults.
        return Header(width, height)
    animated = _extra_fields(bits) if bits.read(1) else False
    floating = bool(bits.read(1))
    depth = (
        bits.choice((32, 0), (16, 0), (24, 0), (1, 6)) if floating else bits.choice((8, 0), (10, 0), (12, 0), (1, 6))
    )
    bits.read(4 if floating else 0)
    bits.read(1)  # Buffers of 16 bits suffice.
    extra = bits.choice((0, 0), (1, 0), (2, 4), (1, 12))
    return Header(width, height, depth, floating, animated, extra)


def _size(bits: Bits) -> tuple[int, int]:
    small = bits.read(1)

    def side() -> int:
        return 8 * (1 + bits.read(5)) if small else bits.choice((1, 9), (1, 13), (1, 18), (1, 30))

    height = side()
    ratio = RATIOS.get(bits.read(3))
    return (height * ratio[0] // ratio[1] if ratio else side()), height


def _extra_fields(bits: Bits) -> bool:
    """Skip orientation, intrinsic size and preview; tell whether it is an animation."""
    bits.read(3)
    if bits.read(1):
        _size(bits)
    if bits.read(1):
        _skip_preview(bits)
    return bool(bits.read(1))


def _skip_preview(bits: Bits) -> None:
    eighths = bits.read(1)

    def side() -> None:
        bits.choice(*(((16, 0), (32, 0), (1, 5), (33, 9)) if eighths else ((1, 6), (65, 8), (321, 10), (1345, 12))))

    side()
    if bits.read(3) == 0:
        side()
