"""EXIF without what can tell where a photograph was taken."""

from dataclasses import dataclass

from PIL import ExifTags, Image

from service.errors import UndecodableImage
from service.imaging.formats import ImageFormat
from service.imaging.library_errors import translated
from service.imaging.orientation import UPRIGHT

PREFIX = b"Exif\0\0"

# What a JPEG segment holds besides the prefix; more can come from PNG and WebP, and is then not kept.
MAX_EXIF_BYTES = 65_000

# Kept by name, not dropped by name: a tag nobody thought of may hold a place (XMP, IPTC, maker notes do). Tags that
# describe the stored pixels (sizes, orientation, thumbnail) are left out because the pixels are new.
BASE = ExifTags.Base
IMAGE_TAGS = (
    BASE.ImageDescription,
    BASE.Make,
    BASE.Model,
    BASE.Software,
    BASE.DateTime,
    BASE.Artist,
    BASE.Copyright,
)
CAMERA_TAGS = (
    BASE.ExposureTime,
    BASE.FNumber,
    BASE.ExposureProgram,
    BASE.ISOSpeedRatings,
    BASE.SensitivityType,
    BASE.ExifVersion,
    BASE.DateTimeOriginal,
    BASE.DateTimeDigitized,
    BASE.OffsetTime,
    BASE.OffsetTimeOriginal,
    BASE.OffsetTimeDigitized,
    BASE.SubsecTime,
    BASE.SubsecTimeOriginal,
    BASE.SubsecTimeDigitized,
    BASE.ShutterSpeedValue,
    BASE.ApertureValue,
    BASE.BrightnessValue,
    BASE.ExposureBiasValue,
    BASE.MaxApertureValue,
    BASE.SubjectDistance,
    BASE.MeteringMode,
    BASE.LightSource,
    BASE.Flash,
    BASE.FocalLength,
    BASE.ColorSpace,
    BASE.ExposureMode,
    BASE.WhiteBalance,
    BASE.DigitalZoomRatio,
    BASE.FocalLengthIn35mmFilm,
    BASE.SceneCaptureType,
    BASE.GainControl,
    BASE.Contrast,
    BASE.Saturation,
    BASE.Sharpness,
    BASE.CameraOwnerName,
    BASE.BodySerialNumber,
    BASE.LensSpecification,
    BASE.LensMake,
    BASE.LensModel,
    BASE.LensSerialNumber,
)


@dataclass(frozen=True)
class Exif:
    """What is used of an EXIF block.

    Args:
        kept: A block of the known harmless tags, TIFF header first; None if none of them is there.
        orientation: How the stored pixels are turned, 1 to 8.
    """

    kept: bytes | None = None
    orientation: int = UPRIGHT


def read_exif(block: bytes | None, format: ImageFormat) -> Exif:
    """Read an EXIF block, with or without its ``Exif`` prefix.

    A damaged block is as good as none: it is no reason to refuse sound pixels.
    """
    if not block:
        return Exif()
    try:
        with translated(format):
            return _read(block.removeprefix(PREFIX))
    except UndecodableImage:
        return Exif()


def _read(block: bytes) -> Exif:
    found, kept = Image.Exif(), Image.Exif()
    found.load(PREFIX + block)
    orientation = found.get(BASE.Orientation, UPRIGHT)
    camera = found.get_ifd(ExifTags.IFD.Exif)
    kept.update({tag: found[tag] for tag in IMAGE_TAGS if tag in found})
    kept.get_ifd(ExifTags.IFD.Exif).update({tag: camera[tag] for tag in CAMERA_TAGS if tag in camera})
    if not kept and not kept.get_ifd(ExifTags.IFD.Exif):
        return Exif(None, orientation)
    written = kept.tobytes().removeprefix(PREFIX)
    return Exif(written if len(written) <= MAX_EXIF_BYTES else None, orientation)
