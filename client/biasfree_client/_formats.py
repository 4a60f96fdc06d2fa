"""The image formats of the service: one table of names, media types, suffixes and signatures."""

import re
from collections.abc import Mapping
from enum import StrEnum

#: Media type of content whose format is unknown; the service decides whether to refuse it.
UNKNOWN = "application/octet-stream"


class Format(StrEnum):
    """An image format, by the name that ``format=`` takes.

    Attributes:
        media_type: Media type of its files.
        suffixes: Suffixes of its file names, the usual one first.
        signature: Regular expression for the first bytes of its files.
        keeps_depth: True if it holds 16-bit samples without loss. The client writes only such formats.
    """

    media_type: str
    suffixes: tuple[str, ...]
    signature: bytes
    keeps_depth: bool

    PNG = "png", "image/png", (".png",), rb"\x89PNG\r\n\x1a\n", True
    JPEG = "jpeg", "image/jpeg", (".jpg", ".jpeg"), rb"\xff\xd8\xff", False
    WEBP = "webp", "image/webp", (".webp",), rb"RIFF.{4}WEBP", False
    BMP = "bmp", "image/bmp", (".bmp",), rb"BM", False
    # The second signature of each byte order is BigTIFF's.
    TIFF = "tiff", "image/tiff", (".tiff", ".tif"), rb"II[*+]\x00|MM\x00[*+]", True
    NPY = "npy", "application/x-npy", (".npy",), rb"\x93NUMPY", True

    def __new__(
        cls, name: str, media_type: str, suffixes: tuple[str, ...], signature: bytes, keeps_depth: bool
    ) -> "Format":
        member = str.__new__(cls, name)
        member._value_ = name
        member.media_type, member.suffixes = media_type, suffixes
        member.signature, member.keeps_depth = signature, keeps_depth
        return member


#: Suffix in lower case -> format.
BY_SUFFIX: Mapping[str, Format] = {suffix: each for each in Format for suffix in each.suffixes}
NPY = Format.NPY.media_type


def media_type(content: bytes) -> str:
    """Return a file's media type, judged by its first bytes and not by its name; ``UNKNOWN`` if none matches."""
    matches = (each.media_type for each in Format if re.match(each.signature, content, re.DOTALL))
    return next(matches, UNKNOWN)
