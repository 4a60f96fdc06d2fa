"""Upright, and without a place."""

import io
import struct

import imagecodecs
import numpy as np
import pytest
from PIL import ExifTags, Image
from tifffile import TiffWriter

from service.imaging import ImageFormat, Picture, decode, encode, raw_exif
from service.imaging.metadata import describes, sound_dpi
from service.imaging.orientation import upright
from tests.unit.service.imaging.format_files import dng, jxl, mosaic
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


def camera_exif() -> Image.Exif:
    """What a camera writes, orientation and place included."""
    exif = photograph_exif(6)
    exif[BASE.Model] = "M11"
    exif[BASE.DateTime] = "2024:05:06 07:08:09"
    return exif


def assert_of_camera(block: bytes | None, *, dated: bool = True) -> None:
    """The camera and the date are kept, the place and the orientation are not."""
    exif = Image.Exif()
    exif.load(b"Exif\0\0" + block)
    assert (exif[BASE.Make], exif[BASE.Model], exif[BASE.DateTime]) == ("Leitz", "M11", "2024:05:06 07:08:09")
    assert (exif.get_ifd(IFD.Exif).get(BASE.DateTimeOriginal) == "2001:02:03 04:05:06") is dated
    assert not {BASE.Orientation, IFD.GPSInfo, BASE.XMLPacket} & set(exif)
    assert b"Helgoland" not in block


def test_the_camera_and_the_date_of_a_raw_file_are_kept():
    """LibRaw has turned it upright; the answer is a PNG."""
    tags = [(int(BASE.Make), 2, 0, "Leitz", True), (int(BASE.Model), 2, 0, "M11", True)]
    tags.append((int(BASE.DateTime), 2, 0, "2024:05:06 07:08:09", True))
    image = read(dng(mosaic(), orientation=6, more=tags))
    assert image.frames[0].shape == (96, 64, 3)
    assert_of_camera(image.metadata.exif, dated=False)
    assert_of_camera(read(encode(image, ImageFormat.PNG)).metadata.exif, dated=False)


def box(kind: bytes, *contents: bytes) -> bytes:
    """A box of an ISO media file."""
    return struct.pack(">I4s", 8 + sum(map(len, contents)), kind) + b"".join(contents)


def tiff_block(exif: Image.Exif) -> bytes:
    """EXIF as the directories of a TIFF."""
    return exif.tobytes().removeprefix(b"Exif\0\0")


def raw_files() -> dict[str, bytes]:
    """The beginnings of raw files of several makers, without pixels."""
    block = tiff_block(camera_exif())
    jpeg = pillow_file(noise((16, 16)), "JPEG", exif=camera_exif())
    image, camera = Image.Exif(), Image.Exif()
    image.update({tag: camera_exif()[tag] for tag in (BASE.Make, BASE.Model, BASE.DateTime, BASE.Orientation)})
    camera.update(camera_exif().get_ifd(IFD.Exif))
    boxes = box(b"CMT1", tiff_block(image)), box(b"CMT2", tiff_block(camera))
    return {
        "nef": block,
        "rw2": block[:2] + b"U\0" + block[4:],
        "orf": block[:2] + b"RO" + block[4:],
        "raf": b"FUJIFILMCCD-RAW ".ljust(84, b"\0") + struct.pack(">II", 92, len(jpeg)) + jpeg,
        "cr3": box(b"ftyp", b"crx ", bytes(4)) + box(b"moov", box(b"free"), box(b"uuid", raw_exif.CANON, *boxes)),
    }


@pytest.mark.parametrize("kind", raw_files())
def test_every_maker_keeps_its_camera_and_date_elsewhere(kind):
    """In a TIFF of another number, a JPEG, or boxes."""
    assert_of_camera(raw_exif.read(raw_files()[kind]).kept)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", raw_files())
def test_damaged_metadata_of_a_raw_file_cost_no_picture(kind):
    """Whatever byte is wrong."""
    data = raw_files()[kind]
    for at in range(4, min(len(data), 400)):
        raw_exif.read(data[:at] + b"\xff" + data[at + 1 :])
        raw_exif.read(data[:at])


def test_a_jpeg_xl_made_of_a_jpeg_keeps_what_the_jpeg_had():
    """Its profile, camera, date and resolution; it is upright, and its pixels are those of the JPEG."""
    data = pillow_file(noise((24, 40, 3)), "JPEG", exif=camera_exif(), icc_profile=srgb_profile(), dpi=(300, 300))
    image, expected = read(imagecodecs.jpegxl_encode_jpeg(data, numthreads=1)), read(data)
    assert (image.format, image.frames[0].shape) == (ImageFormat.JXL, (40, 24, 3))
    assert image.metadata == expected.metadata
    assert image.metadata.icc == srgb_profile()
    assert_of_camera(image.metadata.exif)
    np.testing.assert_array_equal(image.frames[0], expected.frames[0])


@pytest.mark.parametrize("compressed", [False, True])
def test_the_camera_and_the_date_of_a_jpeg_xl_are_kept(compressed):
    """In a box, which may be compressed; the codestream has an orientation of its own, so that this one is ignored."""
    block = bytes(4) + tiff_block(camera_exif())
    exif = box(b"brob", b"Exif", imagecodecs.brotli_encode(block)) if compressed else box(b"Exif", block)
    image = read(jxl(noise((24, 40, 3)), usecontainer=True) + exif)
    assert image.frames[0].shape == (24, 40, 3)
    assert_of_camera(image.metadata.exif)


def test_a_box_that_unpacks_to_more_than_metadata_is_left_out():
    """A bomb costs its bound."""
    bomb = box(b"brob", b"Exif", imagecodecs.brotli_encode(bytes(50_000_000)))
    assert read(jxl(noise((24, 40)), usecontainer=True) + bomb).metadata.exif is None
