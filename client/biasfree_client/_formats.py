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
        keeps_depth: True if the service writes it, and it holds 16-bit samples without loss.
    """

    media_type: str
    suffixes: tuple[str, ...]
    signature: bytes
    keeps_depth: bool

    PNG = "png", "image/png", (".png",), rb"\x89PNG\r\n\x1a\n", True
    JPEG = "jpeg", "image/jpeg", (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"), rb"\xff\xd8\xff", False
    WEBP = "webp", "image/webp", (".webp",), rb"RIFF.{4}WEBP", False
    BMP = "bmp", "image/bmp", (".bmp", ".dib"), rb"BM", False
    # The second signature of each byte order is BigTIFF's.
    TIFF = "tiff", "image/tiff", (".tiff", ".tif"), rb"II[*+]\x00|MM\x00[*+]", True
    NPY = "npy", "application/x-npy", (".npy",), rb"\x93NUMPY", True
    AVIF = "avif", "image/avif", (".avif",), rb".{4}ftyp(avif|avis|mif1.{4}.{0,24}avi[fs])", False
    PNM = (
        "pnm",
        "image/x-portable-anymap",
        (".pnm", ".ppm", ".pgm", ".pbm", ".pam", ".pfm"),
        rb"P[1-7Ff]\s[\s#\dWHDMT]",
        True,
    )
    FITS = "fits", "image/fits", (".fits", ".fit", ".fts"), rb"SIMPLE  =", True
    HEIC = (
        "heic",
        "image/heic",
        (".heic", ".heif", ".hif"),
        rb".{4}ftyp(hei[cxms]|hev[cx]|msf1|mif1(?!.{4}.{0,24}avi[fs]))",
        False,
    )
    JXL = "jxl", "image/jxl", (".jxl",), rb"\xff\x0a|\x00\x00\x00\x0cJXL ", False
    JP2 = (
        "jp2",
        "image/jp2",
        (".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"),
        rb"\xff\x4f\xff\x51|\x00\x00\x00\x0cjP  ",
        False,
    )
    GIF = "gif", "image/gif", (".gif",), rb"GIF8[79]a", False
    # Many begin as a TIFF, with a first directory that is a thumbnail or has a version of DNG.
    RAW = (
        "raw",
        "image/x-adobe-dng",
        (
            *(".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".sr2", ".srf", ".raf", ".rw2", ".rwl", ".orf"),
            *(".pef", ".srw", ".3fr", ".fff", ".iiq", ".mos", ".mrw", ".erf", ".kdc", ".dcr", ".x3f"),
        ),
        rb"FUJIFILMCCD-RAW|IIU\x00|IIR[OS]|MMOR|\x00MRM|FOVb|.{6}HEAPCCDR|II\*\x00.{4}CR\x02|.{4}ftypcrx "
        rb"|II\*\x00\x08\x00\x00\x00..(\xfe\x00\x04\x00\x01\x00\x00\x00\x01|(.{12}){0,99}?\x12\xc6\x01\x00\x04\x00)"
        rb"|MM\x00\*\x00\x00\x00\x08..(\x00\xfe\x00\x04\x00\x00\x00\x01\x00\x00\x00\x01|(.{12}){0,99}?\xc6\x12\x00\x01)",
        False,
    )
    DICOM = "dicom", "application/dicom", (".dcm", ".dicom"), rb".{128}DICM", False

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
#: Formats that the service reads and does not write.
READ_ONLY = frozenset({Format.HEIC, Format.GIF, Format.JP2, Format.JXL, Format.RAW, Format.DICOM})
#: Suffix -> format of what the service writes.
WRITTEN_BY_SUFFIX = {suffix: each for suffix, each in BY_SUFFIX.items() if each not in READ_ONLY}
NPY = Format.NPY.media_type


def media_type(content: bytes) -> str:
    """Return a file's media type, judged by its first bytes and not by its name; ``UNKNOWN`` if none matches."""
    # The last that matches: camera raw files are TIFF files too.
    matches = (each.media_type for each in reversed(Format) if re.match(each.signature, content, re.DOTALL))
    return next(matches, UNKNOWN)


def misfit(suffix: str, media_type: str) -> str | None:
    """Say that a result does not fit a suffix of another image format; None if it fits, or the suffix is of none."""
    named = BY_SUFFIX.get(suffix.lower())
    if named is None or named.media_type == media_type:
        return None
    return f"The result is {media_type}, which does not fit the suffix {suffix}"
