"""JPEG XL through libjxl (imagecodecs)."""

from dataclasses import dataclass, replace

import imagecodecs
import numpy as np

from service.errors import UndecodableImage, UnsupportedMedia
from service.imaging import jpeg
from service.imaging.bits import spread
from service.imaging.exif import MAX_EXIF_BYTES, read_exif
from service.imaging.formats import ImageFormat
from service.imaging.iso_media import boxes, cicp, extraordinary
from service.imaging.jxl_header import CODESTREAM, HEADER_BYTES, Header, read_header
from service.imaging.library_errors import translated
from service.imaging.limits import ImageLimits
from service.imaging.metadata import Metadata
from service.imaging.picture import FIRST_FRAME, Picture, picture_of

#: A JPEG is about a quarter longer than the JPEG XL made of it; the margin is for metadata, which shrink more.
JPEG_GROWTH, JPEG_MARGIN_BYTES = 4, 1 << 20


@dataclass(frozen=True)
class Parts:
    """The parts of a file that are read before its pixels.

    Args:
        head: The start of the codestream.
        exif: The EXIF block, or None.
        was_jpeg: True if the JPEG of which the file was made can be restored.
    """

    head: bytes
    exif: bytes | None = None
    was_jpeg: bool = False


def read(data: bytes, limits: ImageLimits) -> Picture:
    """Decode one image, upright, of 8 or 16 bits or of floats; of an animation the first frame.

    A file made of a JPEG is read as that JPEG, with its profile. Of any other file no library here gives the profile;
    colors that the header names are kept as their codes.
    """
    parts = _parts(data)
    header = read_header(parts.head)
    limits.check(pixels=header.width * header.height)
    if parts.was_jpeg and (original := _original(data, limits)):
        return original
    if header.extra_channels > 1:
        raise UnsupportedMedia(
            f"the JPEG XL image has {header.extra_channels} extra channels: only alpha is supported",
            supported=["alpha"],
        )
    samples = imagecodecs.jpegxl_decode(data, index=0 if header.animated else None, numthreads=1)
    if samples.dtype.kind == "u" and header.bits not in {8, 16}:
        samples = spread(samples, header.bits)
    elif samples.dtype.kind == "f":
        samples = samples.astype(np.float32, copy=False)
    count = samples.shape[2] if samples.ndim == 3 else 1
    color = header.colors and cicp(extraordinary(*header.colors), samples=count)
    metadata = Metadata(exif=read_exif(parts.exif, ImageFormat.JXL).kept, png_color=color)
    return picture_of([samples], ImageFormat.JXL, metadata, warning=_warning(header))


def _warning(header: Header) -> str:
    """Return what was left out."""
    frames = [FIRST_FRAME.format("JPEG XL")] if header.animated else []
    profile = ["the color profile of the JPEG XL cannot be kept, and its colors may look different"]
    return "; ".join(frames + ([] if header.colors else profile))


def _original(data: bytes, limits: ImageLimits) -> Picture | None:
    """Return the picture of the JPEG of which a file was made; None if that cannot be restored."""
    most_bytes = JPEG_GROWTH * len(data) + JPEG_MARGIN_BYTES
    # The pixels have been claimed.
    unclaimed = ImageLimits(limits.max_pixels, limits.max_frames)
    try:
        with translated(ImageFormat.JXL):
            restored = imagecodecs.jpegxl_decode_jpeg(data, numthreads=1, out=most_bytes)
            return replace(jpeg.read(bytes(restored), unclaimed), format=ImageFormat.JXL)
    except UndecodableImage:
        return None


def _parts(data: bytes) -> Parts:
    """Return what is read before the pixels; a file is a codestream or a container of boxes."""
    if data.startswith(CODESTREAM):
        return Parts(data[:HEADER_BYTES])
    head, exif, was_jpeg = b"", None, False
    for kind, payload in boxes(data):
        if kind in {b"jxlc", b"jxlp"} and len(head) < HEADER_BYTES:
            head += bytes(payload[4 if kind == b"jxlp" else 0 :][:HEADER_BYTES])
        elif kind == b"Exif":
            exif = bytes(payload[4:])
        elif kind == b"brob" and bytes(payload[:4]) == b"Exif":
            exif = _unpacked(bytes(payload[4:]))
        was_jpeg = was_jpeg or kind == b"jbrd"
    if not head.startswith(CODESTREAM):
        raise UndecodableImage("the JPEG XL file has no image: it is damaged")
    return Parts(head, exif, was_jpeg)


def _unpacked(payload: bytes) -> bytes | None:
    """Return the EXIF in a box compressed with Brotli; None if it is damaged or too long."""
    try:
        with translated(ImageFormat.JXL):
            return bytes(imagecodecs.brotli_decode(payload, out=MAX_EXIF_BYTES))[4:]
    except UndecodableImage:
        return None
