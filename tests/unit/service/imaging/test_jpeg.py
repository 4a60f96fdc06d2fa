"""JPEG in its three colors."""

import io
import struct

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from service.errors import UndecodableImage, UnsupportedMedia
from service.imaging import ImageFormat, decode, encode
from service.imaging.jpeg import GAIN_MAPS, has_all_scans
from tests.unit.service.imaging.format_files import mpo
from tests.unit.service.imaging.samples import LIMITS, noise, picture, pillow_file, srgb_profile


def test_decoding_agrees_with_pillow():
    """Gray stays one channel."""
    for samples in [(), (3,)]:
        data = pillow_file(picture((16, 16, *samples)).samples().squeeze(), "JPEG")
        with Image.open(io.BytesIO(data)) as seen:
            np.testing.assert_array_equal(decode(data, limits=LIMITS).frames[0].squeeze(), np.asarray(seen))


def test_inverted_cmyk_becomes_rgb():
    """Pillow writes inks as Adobe does, inverted: no ink has to come out white, full ink black."""
    ink = np.zeros((16, 32, 4), "uint8")
    ink[:, 16:] = 255
    got = decode(pillow_file(Image.fromarray(ink, "CMYK"), "JPEG"), limits=LIMITS).frames[0]
    assert got[0, 0].tolist() == [255] * 3
    assert got[0, -1].max() < 8


def test_a_press_profile_does_not_reach_the_rgb_result():
    """It describes four inks that are gone; a broken one does not stop the conversion."""
    press = bytearray(srgb_profile())
    press[16:20] = b"CMYK"
    data = pillow_file(Image.new("CMYK", (8, 8)), "JPEG", icc_profile=bytes(press))
    image = decode(data, limits=LIMITS)
    assert image.metadata.icc is None
    assert image.frames[0].min() >= 254


def test_colors_are_not_subsampled():
    """One-pixel color stripes survive."""
    image = picture((16, 16, 3))
    image.frames[0][:] = 255
    image.frames[0][:, ::2, 1] = 0
    got = decode(encode(image, ImageFormat.JPEG), limits=LIMITS).frames[0]
    assert np.abs(got.astype(int) - image.frames[0]).mean() < 10


@pytest.mark.parametrize("channels", [1, 3])
def test_profile_and_resolution_come_back(channels):
    """A profile of RGB stays out of a gray file."""
    icc = srgb_profile()
    image = picture((8, 8, 3) if channels == 3 else (8, 8), icc=icc, dpi=(300.0, 300.0))
    metadata = decode(encode(image, ImageFormat.JPEG), limits=LIMITS).metadata
    assert metadata.icc == (icc if channels == 3 else None)
    assert metadata.dpi == (300, 300)


def damaged(data: bytes, at: float) -> bytes:
    """A JPEG with 20 bytes overwritten at a share of its length."""
    start = int(at * len(data))
    return data[:start] + bytes(range(1, 21)) + data[start + 20 :]


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("options", [{}, {"restart_marker_rows": 1}, {"progressive": True}], ids=str)
def test_damage_in_the_middle_is_named_in_a_warning(mode, options):
    """There is a picture, as Pillow shows it, which hides what libjpeg says."""
    rows = np.random.default_rng(0).integers(0, 256, (96, 80, 4), "uint8")
    channels = {"L": 0, "RGB": slice(3), "CMYK": slice(4)}[mode]
    whole = pillow_file(Image.fromarray(rows[..., channels], mode), "JPEG", quality=90, **options)
    assert decode(whole, limits=LIMITS).warning == ""
    broken = damaged(whole, 0.6)
    image = decode(broken, limits=LIMITS)
    assert image.warning.startswith("the JPEG is damaged, and parts of the picture may be wrong (libjpeg: Corrupt JPEG")
    with Image.open(io.BytesIO(broken)) as seen:
        shown = np.asarray(seen.convert("RGB") if mode == "CMYK" else seen)
    np.testing.assert_array_equal(image.raster(), shown)


def shaded(size: tuple[int, int] = (96, 80)) -> np.ndarray:
    """A picture with enough detail for every scan."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    return np.dstack([(3 * rows + columns) % 256, (rows * columns) % 256, 2 * columns]).astype("uint8")


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("options", [{}, {"restart_marker_rows": 1}, {"progressive": True}], ids=str)
@pytest.mark.parametrize("end", [b"", b"\xff", b"\0" * 700, b"\xff\xd9" * 3, b"\xff\xd9 and more"], ids=repr)
def test_a_jpeg_of_every_scan_needs_no_end_marker(mode, options, end):
    """A card that was pulled out, or a transfer that fills up: no pixel is missing, and nothing is to be warned of."""
    whole = pillow_file(Image.fromarray(shaded()).convert(mode), "JPEG", **options)
    got = decode(whole.removesuffix(b"\xff\xd9") + end, limits=LIMITS)
    np.testing.assert_array_equal(got.frames[0], decode(whole, limits=LIMITS).frames[0])
    assert got.warning == ""


def scans(data: bytes) -> list[int]:
    """Return the offset of each scan of a JPEG."""
    return [at for at in range(len(data)) if data[at : at + 2] == b"\xff\xda"]


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("end", [b"", b"\xff\xd9"], ids=repr)
def test_a_progressive_jpeg_without_a_scan_is_known(mode, end):
    """Each brings further bits of the coefficients; with an end marker, the file says itself that it is whole."""
    whole = pillow_file(Image.fromarray(shaded()).convert(mode), "JPEG", progressive=True)
    assert has_all_scans(whole)
    assert len(scans(whole)) > 3
    for start in scans(whole):
        assert not has_all_scans(whole[:start] + end)
        if not end:
            with pytest.raises(UndecodableImage, match="not all of its scans"):
                decode(whole[:start], limits=LIMITS)


def test_a_jpeg_whose_size_cannot_be_trusted_is_refused():
    """Pillow takes the last of two frame headers, and its limit was checked against that one."""
    data = pillow_file(noise((16, 16)), "JPEG")
    at = data.index(b"\xff\xc0")
    frame = bytearray(data[at : at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")])
    frame[5:9] = b"\xff\xdc\xff\xdc"
    with pytest.raises(UndecodableImage):
        decode(data[:at] + bytes(frame) + data[at:], limits=LIMITS)


LARGE_THUMBNAIL = 0x010001


@pytest.mark.parametrize(
    ("count", "kind", "expected"),
    [
        (2, 0, "only the first of the 2 pictures in the JPEG was read"),
        (3, 0, "only the first of the 3 pictures in the JPEG was read"),
        (2, LARGE_THUMBNAIL, ""),
    ],
)
def test_further_pictures_are_named_in_a_warning(count, kind, expected):
    """Not the previews that most cameras add."""
    data = mpo(*(Image.new("L", (16, 16), 80 * index) for index in range(count)), kind=kind)
    image = decode(data, limits=LIMITS)
    assert (image.warning, int(image.frames[0].max())) == (expected, 0)


@pytest.mark.parametrize("mark", GAIN_MAPS)
def test_a_gain_map_is_no_further_picture(mark):
    """Telephones add one to every photograph."""
    data = mpo(Image.new("L", (16, 16)), Image.new("L", (8, 8)))
    segment = b"\xff\xe2" + struct.pack(">H", 2 + len(mark)) + mark
    assert decode(data[:2] + segment + data[2:], limits=LIMITS).warning == ""


@pytest.mark.filterwarnings("ignore")
def test_a_damaged_index_of_pictures_costs_no_picture():
    """It is ignored."""
    data = mpo(Image.new("L", (16, 16)), Image.new("L", (16, 16)))
    at = data.index(b"MPF\0") + 8
    for start in range(at, at + 60, 4):
        assert decode(data[:start] + b"\xff" * 4 + data[start + 4 :], limits=LIMITS).pixels == 256


def of_kind(marker: int, *, bits: int = 8, samples: int = 1) -> bytes:
    """A JPEG that announces a frame of a kind, and breaks off."""
    frame = struct.pack(">BHHB", bits, 16, 16, samples) + bytes([1, 0x11, 0]) * samples
    return b"\xff\xd8\xff" + bytes([marker]) + struct.pack(">H", 2 + len(frame)) + frame


DEEP = np.arange(24 * 40, dtype=np.uint16).reshape(24, 40)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (imagecodecs.jpeg8_encode(DEEP, bitspersample=12), "a 12-bit JPEG"),
        (imagecodecs.jpeg8_encode(np.dstack([DEEP] * 3), bitspersample=12), "a 12-bit JPEG"),
        (imagecodecs.ljpeg_encode(DEEP, bitspersample=12), "a lossless JPEG of 12 bits"),
        (imagecodecs.ljpeg_encode(DEEP, bitspersample=16), "a lossless JPEG of 16 bits"),
        (imagecodecs.jpegls_encode(DEEP), "JPEG-LS"),
        (imagecodecs.jpegls_encode(DEEP.astype(np.uint8)), "JPEG-LS"),
        (of_kind(0xC5), "a hierarchical JPEG"),
        (of_kind(0xCB), "a lossless JPEG with arithmetic coding"),
        (of_kind(0xC0, samples=2), "a JPEG of two channels"),
    ],
)
def test_a_kind_of_jpeg_that_is_not_read_is_refused_by_name(data, name):
    """It is neither damaged nor incomplete."""
    with pytest.raises(UnsupportedMedia, match=f"the file is {name}, which is not supported"):
        decode(bytes(data), limits=LIMITS)


def test_a_lossless_jpeg_of_eight_bits_is_read():
    """libjpeg knows it."""
    image = DEEP.astype(np.uint8)
    np.testing.assert_array_equal(decode(bytes(imagecodecs.ljpeg_encode(image)), limits=LIMITS).raster(), image)


def test_a_frame_of_impossible_bits_is_damage():
    """No kind of JPEG has them."""
    with pytest.raises(UndecodableImage):
        decode(of_kind(0xC0, bits=37), limits=LIMITS)
