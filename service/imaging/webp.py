"""WebP, read through libwebp (imagecodecs) and written through Pillow.

Pillow's reader allocates the whole canvas before it returns the size, so the header is read here.
"""

import io
import struct
from collections.abc import Iterator

import imagecodecs
from PIL import Image

from service.errors import UndecodableImage
from service.imaging.color import to_rgb
from service.imaging.exif import PREFIX, read_exif
from service.imaging.formats import ImageFormat
from service.imaging.limits import ImageLimits
from service.imaging.metadata import Metadata
from service.imaging.orientation import upright
from service.imaging.picture import FIRST_FRAME, Picture, picture_of

RIFF_BYTES = 12
ANIMATION_FLAG = 0x02

# Lossless, denoised 512x512 color photograph on two shared cores, megapixels per second and bytes per pixel:
# method 0 5.4, 1.16; method 1 1.6, 1.06; method 2 0.9, 1.03; method 4 (default) 0.4, 1.00. Only the first is faster
# than the network's 1.7. Effort (quality) up to 20 makes no difference; from 50 it takes time and gains nothing.
LOSSLESS = {"lossless": True, "exact": True, "method": 0, "quality": 20}


def read(data: bytes, limits: ImageLimits) -> Picture:
    """Decode a WebP, lossy or lossless, to RGB, with alpha if it has any; of an animation the first frame."""
    chunks = dict(_chunks(data))
    animated = chunks.get(b"VP8X", b"\0")[0] & ANIMATION_FLAG
    width, height = _size_in(chunks)
    limits.check(pixels=width * height)
    exif = read_exif(chunks.get(b"EXIF"), ImageFormat.WEBP)
    samples = imagecodecs.webp_decode(data)
    metadata = Metadata(icc=chunks.get(b"ICCP"), exif=exif.kept)
    warning = FIRST_FRAME.format("WebP") if animated else ""
    return picture_of([upright(samples, exif.orientation)], ImageFormat.WEBP, metadata, warning=warning)


def write(picture: Picture, quality: int | None = None) -> bytes:
    """Encode one uint8 frame; gray becomes RGB.

    Without a quality, it is lossless, including the colors of transparent pixels.
    """
    metadata = picture.metadata
    buffer = io.BytesIO()
    Image.fromarray(to_rgb(picture).raster()).save(
        buffer,
        "WEBP",
        icc_profile=metadata.icc_for(3) or b"",
        exif=PREFIX + metadata.exif if metadata.exif else b"",
        **({"quality": quality} if quality else LOSSLESS),
    )
    return buffer.getvalue()


def size(data: bytes) -> tuple[int, int]:
    """Return width and height of a WebP.

    Raises:
        UndecodableImage: Its header is incomplete.
    """
    return _size_in(dict(_chunks(data)))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the chunks of the RIFF container, and of the pixels only the start, which contains their size."""
    start = RIFF_BYTES
    while start + 8 <= len(data):
        kind, size = struct.unpack("<4sI", data[start : start + 8])
        payload = data[start + 8 : start + 8 + (size if kind in {b"ICCP", b"EXIF"} else min(size, 10))]
        yield kind, payload
        start += 8 + size + size % 2


def _size_in(chunks: dict[bytes, bytes]) -> tuple[int, int]:
    """Read width and height from the first of the three possible headers (RFC 9649, sections 2.5 to 2.7).

    Raises:
        UndecodableImage: None of them is complete.
    """
    if len(extended := chunks.get(b"VP8X", b"")) == 10:
        return int.from_bytes(extended[4:7], "little") + 1, int.from_bytes(extended[7:10], "little") + 1
    if len(lossless := chunks.get(b"VP8L", b"")) == 10:
        bits = int.from_bytes(lossless[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if len(lossy := chunks.get(b"VP8 ", b"")) == 10:
        width, height = struct.unpack("<HH", lossy[6:10])
        return width & 0x3FFF, height & 0x3FFF
    raise UndecodableImage("the WebP has no complete header: it is damaged")
