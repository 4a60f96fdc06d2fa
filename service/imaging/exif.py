"""EXIF metadata without anything that tells where a photograph was taken."""

from dataclasses import dataclass

from PIL import ExifTags, Image

from service.errors import UndecodableImage
from service.imaging.formats import ImageFormat
from service.imaging.library_errors import silence, translated
from service.imaging.orientation import UPRIGHT

PREFIX = b"Exif\0\0"

# Capacity of a JPEG segment besides the prefix; PNG and WebP can contain more, which is then not kept.
MAX_EXIF_BYTES = 65_000

# A list of tags to keep, not of tags to drop: an unlisted tag may contain a location (XMP, IPTC, maker notes do). Tags
# that describe the stored pixels (sizes, orientation, thumbnail) are left out because the pixels are new.
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
    """The used part of an EXIF block.

    Args:
        kept: A block with the known harmless tags, TIFF header first; None if there are none.
        orientation: Orientation of the stored pixels, 1 to 8.
    """

    kept: bytes | None = None
    orientation: int = UPRIGHT


def read_exif(block: bytes | None, format: ImageFormat, *, camera: bytes | None = None) -> Exif:
    """Read an EXIF block, with or without its ``Exif`` prefix.

    A damaged block is ignored: it is no reason to refuse intact pixels.

    Args:
        block: The block, or None.
        format: The file's format.
        camera: A block of its own with the tags about the camera, where they are not inside the first one.
    """
    if not block:
        return Exif()
    silence("PIL")
    try:
        with translated(format):
            return _read(block.removeprefix(PREFIX), camera, format)
    except UndecodableImage:
        return Exif()


def _writable(tag: int, value: object, format: ImageFormat) -> bool:
    """Tell whether Pillow can write a tag; in some files a name is a fraction, which must not cost other tags."""
    alone = Image.Exif()
    alone[tag] = value
    try:
        with translated(format):
            alone.tobytes()
    except UndecodableImage:
        return False
    return True


def _loaded(block: bytes) -> Image.Exif:
    exif = Image.Exif()
    exif.load(PREFIX + block)
    return exif


def _read(block: bytes, camera_block: bytes | None, format: ImageFormat) -> Exif:
    found, kept = _loaded(block), Image.Exif()
    orientation = found.get(BASE.Orientation, UPRIGHT)
    camera = _loaded(camera_block) if camera_block else found.get_ifd(ExifTags.IFD.Exif)
    kept.update({tag: found[tag] for tag in IMAGE_TAGS if tag in found and _writable(tag, found[tag], format)})
    kept.get_ifd(ExifTags.IFD.Exif).update(
        {tag: camera[tag] for tag in CAMERA_TAGS if tag in camera and _writable(tag, camera[tag], format)}
    )
    if not kept and not kept.get_ifd(ExifTags.IFD.Exif):
        return Exif(None, orientation)
    written = kept.tobytes().removeprefix(PREFIX)
    return Exif(written if len(written) <= MAX_EXIF_BYTES else None, orientation)
