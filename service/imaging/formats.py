"""The supported image formats, their names and their signatures."""

from enum import StrEnum
from typing import Self

from service.errors import UnsupportedMedia


class ImageFormat(StrEnum):
    """A file format; its value is its name in ``format=``."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"
    BMP = "bmp"
    TIFF = "tiff"
    NPY = "npy"

    @property
    def media_type(self) -> str:
        """Return the canonical media type, such as ``image/png``."""
        return "application/x-npy" if self is ImageFormat.NPY else f"image/{self.value}"

    @classmethod
    def from_media_type(cls, media_type: str) -> Self | None:
        """Return the format of a ``Content-Type`` or ``Accept`` entry, ignoring parameters and case, or None."""
        essence = media_type.partition(";")[0].strip().lower()
        return next((known for known in cls if essence in (known.media_type, *ALIASES.get(known, ()))), None)


# Unregistered media types sent by old browsers, Windows and Python clients.
ALIASES: dict[str, tuple[str, ...]] = {
    "png": ("image/x-png",),
    "jpeg": ("image/jpg", "image/pjpeg"),
    "bmp": ("image/x-bmp", "image/x-ms-bmp"),
    "tiff": ("image/tif", "image/x-tiff"),
    "npy": ("application/npy", "application/x-numpy"),
}

SIGNATURES: tuple[tuple[bytes, ImageFormat], ...] = (
    (b"\x89PNG\r\n\x1a\n", ImageFormat.PNG),
    (b"\xff\xd8\xff", ImageFormat.JPEG),
    (b"II*\0", ImageFormat.TIFF),
    (b"MM\0*", ImageFormat.TIFF),
    (b"II+\0", ImageFormat.TIFF),  # BigTIFF
    (b"MM\0+", ImageFormat.TIFF),
    (b"\x93NUMPY", ImageFormat.NPY),
)

# Unsupported image formats, to distinguish them from data that is not an image, which is the sender's mistake.
FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"GIF8", "GIF"),
    (b"\0\0\0\x0cjP", "JPEG 2000"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"8BPS", "Photoshop"),
    (b"<svg", "SVG"),
)

# Sizes of the BMP headers in use; the two letters alone would match any text that starts with BM.
BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})


def identify(data: bytes) -> ImageFormat:
    """Identify a format by its content alone, ignoring names and content types.

    Raises:
        UnsupportedMedia: The first bytes match no supported format; ``facts`` has ``supported``.
    """
    for signature, known in SIGNATURES:
        if data.startswith(signature):
            return known
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ImageFormat.WEBP
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in BMP_HEADERS:
        return ImageFormat.BMP
    foreign = foreign_image(data)
    raise UnsupportedMedia(
        f"{f'{foreign} images are' if foreign else 'this format is'} not supported: send {', '.join(ImageFormat)}",
        supported=[known.media_type for known in ImageFormat],
    )


def foreign_image(data: bytes) -> str | None:
    """Return the name of a known but unsupported image format; None if it is not an image."""
    if data[4:8] == b"ftyp" and data[8:12] in {b"avif", b"avis", b"heic", b"heix", b"mif1"}:
        return "HEIF"
    return next((name for signature, name in FOREIGN if data.startswith(signature)), None)
