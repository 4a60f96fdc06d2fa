"""Upright, and without a place."""

import io

import numpy as np
import pytest
from PIL import ExifTags, Image
from tifffile import TiffWriter

from service.imaging import ImageFormat, Picture, decode, encode
from service.imaging.metadata import describes, sound_dpi
from service.imaging.orientation import upright
from tests.unit.service.imaging.samples import LIMITS, noise, picture, pillow_file, srgb_profile

EXIF_FORMATS = ["PNG", "JPEG", "WEBP"]
BASE, IFD = ExifTags.Base, ExifTags.IFD


def photograph_exif(orientation: int = 1) -> Image.Exif:
    """What a telephone writes, the place in four guises."""
    exif = Image.Exif()
    exif[BASE.Make] = "Leitz"
    exif[BASE.Orientation] = orientation
    exif[BASE.XMLPacket] = b"<x>Helgoland</x>"
    exif.get_ifd(IFD.GPSInfo).update({1: "N", 2: (54.0, 10.0, 57.0)})
    exif.get_ifd(IFD.Exif).update(
        {
            BASE.DateTimeOriginal: "2001:02:03 04:05:06",
            BASE.MakerNote: b"Helgoland",
            BASE.UserComment: b"ASCII\0\0\0Helgoland",
            BASE.ExifImageWidth: 40,
        }
    )
    return exif


def read(data: bytes) -> Picture:
    """Decode under the tests' limits."""
    return decode(data, limits=LIMITS)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", [*EXIF_FORMATS, "TIFF"])
def test_every_orientation_is_applied(format, orientation):
    """As Pillow's own transposition does it, and the tag is not passed on to be applied twice."""
    stored = np.zeros((16, 32), "uint8")
    stored[:8, :16] = 200
    exif = photograph_exif(orientation)
    if format == "TIFF":
        exif = Image.Exif()
        exif[BASE.Orientation] = orientation
    image = read(pillow_file(stored, format, exif=exif, **({"lossless": True} if format == "WEBP" else {})))
    codes = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
    shown = Image.fromarray(stored)
    expected = np.asarray(shown.transpose(Image.Transpose(codes[orientation])) if orientation > 1 else shown)
    got = image.frames[0]
    assert got.shape[:2] == expected.shape
    assert np.abs(got[..., 0].astype(int) - expected).max() < 10
    again = read(encode(image, image.format)).frames[0]
    assert again.shape == got.shape


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_unknown_orientation_means_upright(orientation):
    """Cameras write 0."""
    np.testing.assert_array_equal(upright(noise((4, 3)), orientation), noise((4, 3)))


@pytest.mark.parametrize("format", EXIF_FORMATS)
def test_the_place_is_removed_and_the_camera_kept(format):
    """The bytes of the result do not hold it anywhere."""
    xmp = {"xmp": b"<x>Helgoland</x>"} if format != "PNG" else {}
    data = pillow_file(noise((16, 16, 3)), format, exif=photograph_exif(6), **xmp)
    result = encode(read(data), ImageFormat(format.lower()))
    assert b"Helgoland" in data
    assert b"Helgoland" not in result
    with Image.open(io.BytesIO(result)) as seen:
        exif = seen.getexif()
        assert exif[BASE.Make] == "Leitz"
        assert exif.get_ifd(IFD.Exif)[BASE.DateTimeOriginal] == "2001:02:03 04:05:06"
        assert not {BASE.Orientation, BASE.XMLPacket, IFD.GPSInfo} & set(exif)
        assert not {BASE.MakerNote, BASE.UserComment, BASE.ExifImageWidth} & set(exif.get_ifd(IFD.Exif))


@pytest.mark.parametrize("target", [ImageFormat.PNG, ImageFormat.JPEG, ImageFormat.WEBP])
def test_exif_survives_a_change_of_format(target):
    """The same tags in every container."""
    image = read(pillow_file(noise((16, 16, 3)), "JPEG", exif=photograph_exif()))
    assert image.metadata.exif
    assert read(encode(image, target)).metadata.exif == image.metadata.exif


@pytest.mark.parametrize(
    "block", [b"junk", b"II*\0", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff" + b"\x87\x69" * 40]
)
def test_damaged_exif_is_dropped(block):
    """It is no reason to refuse sound pixels."""
    data = pillow_file(noise((16, 16)), "JPEG", exif=b"Exif\0\0" + block)
    assert read(data).metadata.exif is None


def test_long_exif_is_dropped_rather_than_failing_in_the_end():
    """A PNG may hold more than a JPEG segment can."""
    exif = Image.Exif()
    exif[BASE.ImageDescription] = "x" * 70_000
    image = read(pillow_file(noise((16, 16)), "PNG", exif=exif))
    assert encode(image, ImageFormat.JPEG)
    assert image.metadata.exif is None


def test_resolution_turns_with_the_image():
    """What was horizontal is vertical after a quarter turn."""
    buffer = io.BytesIO()
    with TiffWriter(buffer) as writer:
        options = {"resolution": (300, 100), "resolutionunit": "INCH", "extratags": [(274, 3, 1, 6, True)]}
        writer.write(noise((4, 6)), metadata=None, **options)
    image = read(buffer.getvalue())
    assert image.frames[0].shape == (6, 4, 1)
    assert image.metadata.dpi == (100, 300)


@pytest.mark.parametrize("target", [ImageFormat.PNG, ImageFormat.JPEG, ImageFormat.WEBP, ImageFormat.TIFF])
def test_the_color_profile_survives_in_every_format_that_has_one(target):
    """Byte by byte."""
    icc = srgb_profile()
    assert read(encode(picture((6, 5, 3), icc=icc), target)).metadata.icc == icc


def test_a_profile_must_fit_the_channels():
    """Its header says which colors it describes."""
    icc = srgb_profile()
    assert describes(icc, 3)
    assert not describes(icc, 1)
    assert not describes(icc[:-1], 3)
    assert not describes(b"", 3)


@pytest.mark.parametrize("dpi", [(0, 0), (-1, 72), (float("nan"), 72), (float("inf"), 72), (1e9, 72)])
def test_nonsense_resolutions_are_dropped(dpi):
    """JPEG has 16 bits for them."""
    assert sound_dpi(*dpi) is None
