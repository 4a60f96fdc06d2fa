"""The supported image formats, their names and their signatures."""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Self

from service.errors import UnsupportedMedia
from service.imaging.camera_raw import is_camera_raw
from service.imaging.iso_media import brands


class ImageFormat(StrEnum):
    """A file format; its value is its name in ``format=``. Formats that cannot be written have no writer."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"
    BMP = "bmp"
    TIFF = "tiff"
    NPY = "npy"
    AVIF = "avif"
    PNM = "pnm"
    FITS = "fits"
    HEIC = "heic"
    JXL = "jxl"
    JP2 = "jp2"
    GIF = "gif"
    RAW = "raw"
    DICOM = "dicom"

    @property
    def media_type(self) -> str:
        """Return the canonical media type, such as ``image/png``."""
        return MEDIA_TYPES.get(self.value, f"image/{self.value}")

    @property
    def kind(self) -> str:
        """Return the name of such a file in a sentence, such as ``a camera raw file``."""
        return KINDS.get(self.value, f"a {self.upper()} file")

    @classmethod
    def from_media_type(cls, media_type: str) -> Self | None:
        """Return the format of a ``Content-Type`` or ``Accept`` entry, ignoring parameters and case, or None."""
        essence = media_type.partition(";")[0].strip().lower()
        return next((known for known in cls if essence in (known.media_type, *ALIASES.get(known, ()))), None)


#: Media types that differ from the format's name.
MEDIA_TYPES = {
    "npy": "application/x-npy",
    "pnm": "image/x-portable-anymap",
    "raw": "image/x-adobe-dng",
    "dicom": "application/dicom",
}

#: Articles and names that the rule does not give.
KINDS = {
    "npy": "an NPY array",
    "avif": "an AVIF image",
    "heic": "a HEIC image",
    "jxl": "a JPEG XL image",
    "jp2": "a JPEG 2000 image",
    "raw": "a camera raw file",
}

# Unregistered media types sent by old browsers, Windows, Python clients and file managers.
ALIASES: dict[str, tuple[str, ...]] = {
    "png": ("image/x-png",),
    "jpeg": ("image/jpg", "image/pjpeg"),
    "bmp": ("image/x-bmp", "image/x-ms-bmp"),
    "tiff": ("image/tif", "image/x-tiff"),
    "npy": ("application/npy", "application/x-numpy"),
    "pnm": ("image/x-portable-pixmap", "image/x-portable-graymap", "image/x-portable-bitmap", "image/x-pnm"),
    "fits": ("application/fits",),
    "heic": ("image/heif", "image/heic-sequence"),
    "jp2": ("image/jpx", "image/j2k", "image/x-jp2", "image/jpeg2000"),
    "raw": (
        "image/dng",
        "image/x-dcraw",
        "image/x-raw",
        "image/x-canon-cr2",
        "image/x-canon-cr3",
        "image/x-nikon-nef",
        "image/x-sony-arw",
        "image/x-fuji-raf",
        "image/x-panasonic-rw2",
        "image/x-olympus-orf",
        "image/x-pentax-pef",
    ),
    "dicom": ("image/dicom",),
}

SIGNATURES: tuple[tuple[bytes, ImageFormat], ...] = (
    (b"\x89PNG\r\n\x1a\n", ImageFormat.PNG),
    (b"\xff\xd8\xff", ImageFormat.JPEG),
    (b"II*\0", ImageFormat.TIFF),
    (b"MM\0*", ImageFormat.TIFF),
    (b"II+\0", ImageFormat.TIFF),  # BigTIFF
    (b"MM\0+", ImageFormat.TIFF),
    (b"\x93NUMPY", ImageFormat.NPY),
    (b"GIF87a", ImageFormat.GIF),
    (b"GIF89a", ImageFormat.GIF),
    (b"\0\0\0\x0cJXL \r\n\x87\n", ImageFormat.JXL),
    (b"\xff\x0a", ImageFormat.JXL),
    (b"\0\0\0\x0cjP  \r\n\x87\n", ImageFormat.JP2),
    (b"\xff\x4f\xff\x51", ImageFormat.JP2),
    (b"SIMPLE  =", ImageFormat.FITS),
)

#: Brands of the ISO base media file format.
AVIF_BRANDS = frozenset({b"avif", b"avis"})
HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})

#: The first element of a DICOM file without its preamble: the length of the meta information.
DICOM_WITHOUT_PREAMBLE = b"\2\0\0\0UL\4\0"

# Unsupported image formats, to distinguish them from data that is not an image, which is the sender's mistake.
FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"8BPS", "Photoshop"),
    (b"<svg", "SVG"),
    (b"v/1\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"II\xbc\x01", "JPEG XR"),
    (b"DDS ", "DirectDraw"),
    (b"\0\0\x01\0", "Windows icon"),
    (b"gimp xcf", "GIMP"),
    (b"\x89HDF\r\n\x1a\n", "HDF5"),
    (b"SDPX", "DPX"),
    (b"XPDS", "DPX"),
    (b"\x80\x2a\x5f\xd7", "Cineon"),
    (b"qoif", "QOI"),
    (b"BPG\xfb", "BPG"),
    (b"MATLAB 5.0", "MATLAB"),
)

#: Other files that people send by mistake: their first bytes, their name, and what to do.
OTHERS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"PK\x03\x04"), "a ZIP archive, such as NPZ: send its files one by one, an array as NPY"),
    (re.compile(rb"\x1f\x8b|BZh\d|\xfd7zXZ|7z\xbc\xaf|Rar!|\x28\xb5\x2f\xfd"), "a compressed file: unpack it first"),
    (re.compile(rb"%PDF-"), "a PDF document: send its pages as images"),
    (re.compile(rb"\s*<(!doctype\s+html|html)", re.IGNORECASE), "a web page, maybe the error of a download"),
    (re.compile(rb"version https://git-lfs"), "a pointer of Git LFS: run git lfs pull to get the file"),
    (re.compile(rb"\s*(data:|iVBORw0KGgo|/9j/|UklGR|SUkqA|TU0AK|k05VTVBZ)"), "base64: decode it, or send it in JSON"),
    (re.compile(rb"(\xef\xbb\xbf)?\s*\{\s*\""), "JSON: send it with the content type application/json"),
)

#: ``P`` and a digit, or the letter of float pixels; white space, perhaps a comment; a number or a word of PAM.
NETPBM = re.compile(rb"P[1-7Ff]\s(\s|#[^\n\r]*[\n\r])*(\d|WIDTH|HEIGHT|DEPTH|MAXVAL|TUPLTYPE)")

# Sizes of the BMP headers in use; the two letters alone would match any text that starts with BM.
BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})


def identify(data: bytes, *, readable: Sequence[ImageFormat] = tuple(ImageFormat)) -> ImageFormat:
    """Identify a format by its content alone, ignoring names and content types.

    Args:
        data: The file.
        readable: Formats to name in the refusal.

    Raises:
        UnsupportedMedia: The content matches no supported format; ``facts`` has ``supported``.
    """
    if is_camera_raw(data):
        return ImageFormat.RAW
    for signature, known in SIGNATURES:
        if data.startswith(signature):
            return known
    if found := _by_structure(data):
        return found
    if foreign := foreign_image(data):
        what = f"{foreign} files are not supported"
    else:
        other = other_file(data)
        what = f"this is {other}" if other else "this format is not supported"
    raise UnsupportedMedia(
        f"{what}{'; supported are' if ':' in what else ': send'} {', '.join(readable)}",
        supported=[known.media_type for known in readable],
    )


def _by_structure(data: bytes) -> ImageFormat | None:
    """Identify the formats whose signature is not at the start, or is too short to stand alone."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ImageFormat.WEBP
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in BMP_HEADERS:
        return ImageFormat.BMP
    if NETPBM.match(data):
        return ImageFormat.PNM
    if data[128:132] == b"DICM" or data.startswith(DICOM_WITHOUT_PREAMBLE):
        return ImageFormat.DICOM
    named = brands(data)
    if named & AVIF_BRANDS:
        return ImageFormat.AVIF
    return ImageFormat.HEIC if named & HEIC_BRANDS else None


def foreign_image(data: bytes) -> str | None:
    """Return the name of a known but unsupported image format; None if it is not an image."""
    if brands(data):
        return "Video"
    return next((name for signature, name in FOREIGN if data.startswith(signature)), None)


def other_file(data: bytes) -> str | None:
    """Say what a file is that is no image, and what to do; None if that is not known."""
    return next((words for pattern, words in OTHERS if pattern.match(data)), None)
