"""What each format can hold is known before the work is done."""

import struct
from dataclasses import replace

import pytest

from service.errors import InvalidParameter, UnsupportedOutput
from service.imaging import WRITABLE, ImageFormat, can_hold, check_output, color_warning, decode, encode
from service.imaging.metadata import SRGB_CHROMATICITIES
from tests.unit.service.imaging.format_files import heic, ramp
from tests.unit.service.imaging.samples import LIMITS, assert_same_pixels, picture, srgb_profile

ALL = list(ImageFormat)
PICTURES = {
    "gray": (picture((6, 5)), ["png", "jpeg", "webp", "bmp", "tiff", "npy", "avif", "pnm", "fits"]),
    "color": (picture((6, 5, 3)), ["png", "jpeg", "webp", "bmp", "tiff", "npy", "avif", "pnm"]),
    "alpha": (picture((6, 5, 4)), ["png", "webp", "bmp", "tiff", "npy", "avif", "pnm"]),
    "premultiplied": (picture((6, 5, 4), premultiplied=True), ["tiff", "npy"]),
    "16 bit": (picture((6, 5, 3), dtype="uint16"), ["png", "tiff", "npy", "pnm"]),
    "signed": (picture((6, 5), dtype="int16"), ["tiff", "npy", "fits"]),
    "float": (picture((6, 5), dtype="float32"), ["tiff", "npy", "fits"]),
    "stack": (picture((6, 5), (6, 5)), ["tiff", "npy", "fits"]),
    "pages of two sizes": (picture((6, 5), (5, 6)), ["tiff"]),
    "some pages with alpha": (picture((6, 5, 3), (6, 5, 4)), ["tiff"]),
    "long": (picture((1, 16_384)), ["png", "jpeg", "bmp", "tiff", "npy", "avif", "pnm", "fits"]),
    "longer": (picture((65_501, 1)), ["png", "bmp", "tiff", "npy", "pnm", "fits"]),
}


@pytest.mark.parametrize("name", PICTURES)
def test_what_can_be_held_can_be_written_and_nothing_else(name):
    """The table tells the truth about the writers."""
    image, supported = PICTURES[name]
    assert [format for format in ALL if can_hold(image, format)] == supported
    for format in supported:
        assert encode(image, ImageFormat(format))


@pytest.mark.parametrize("name", PICTURES)
def test_a_refusal_names_the_formats_that_would_do(name):
    """For check_output and encode alike."""
    image, supported = PICTURES[name]
    for format in set(ALL) - set(supported):
        for attempt in (check_output, encode):
            with pytest.raises(UnsupportedOutput) as refusal:
                attempt(image, format)
            assert refusal.value.facts["supported"] == supported


@pytest.mark.parametrize("format", ["heic", "jxl", "jp2", "gif", "raw", "dicom"])
def test_a_format_that_is_only_read_says_so(format):
    """With what to ask for."""
    with pytest.raises(UnsupportedOutput, match="can be read, and not written; ask for png"):
        check_output(picture((6, 5, 3)), ImageFormat(format))


def test_fewer_bits_make_room_in_a_format():
    """And the refusal says so."""
    image = picture((6, 5, 3), dtype="uint16")
    with pytest.raises(UnsupportedOutput, match=r"JPEG holds 8 bits per channel, .* or for bits=8"):
        check_output(image, ImageFormat.JPEG)
    check_output(image, ImageFormat.JPEG, bits=8)
    with pytest.raises(InvalidParameter):
        check_output(picture((6, 5), dtype="float32"), ImageFormat.TIFF, bits=8)


@pytest.mark.parametrize("format", ["jpeg", "webp", "avif"])
def test_quality_decides_the_size(format):
    """From 10 over 80 to 100."""
    sizes = [len(encode(picture((64, 64, 3)), ImageFormat(format), quality=quality)) for quality in (10, 80, 100)]
    assert sizes == sorted(set(sizes))


def test_a_webp_is_lossless_without_a_quality():
    """Loss must be asked for."""
    image = picture((16, 16, 3))
    assert_same_pixels(decode(encode(image, ImageFormat.WEBP), limits=LIMITS), image)
    lossy = decode(encode(image, ImageFormat.WEBP, quality=80), limits=LIMITS)
    assert (lossy.frames[0] != image.frames[0]).any()


WIDE = (b"cICP", bytes([12, 13, 0, 1]))
LINEAR = (b"gAMA", struct.pack(">I", 100_000))
SRGB = ((b"gAMA", struct.pack(">I", 45_455)), (b"cHRM", struct.pack(">8I", *SRGB_CHROMATICITIES)))
ADOBE = (b"cHRM", struct.pack(">8I", 31_270, 32_900, 64_000, 33_000, 21_000, 71_000, 15_000, 6_000))


@pytest.mark.parametrize(
    ("chunks", "stating"),
    [
        ((), WRITABLE),
        (SRGB, WRITABLE),
        (((b"cICP", bytes([1, 13, 0, 1])),), WRITABLE),
        (((b"sRGB", b"\0"), LINEAR), WRITABLE),
        (((b"gAMA", b"odd"), (b"cHRM", b"odd"), (b"cICP", b"odd")), WRITABLE),
        ((WIDE,), ["png", "avif"]),
        (((b"cICP", bytes([12, 13, 0, 0])),), ["png"]),
        ((LINEAR,), ["png"]),
        ((ADOBE,), ["png"]),
    ],
)
def test_a_format_that_cannot_state_the_colors_has_a_warning(chunks, stating):
    """Other formats have none."""
    image = picture((6, 5, 3), png_color=(3, chunks))
    for format in WRITABLE:
        assert color_warning(image, format).startswith("" if format in stating else f"{format.upper()} cannot state")
        assert bool(color_warning(image, format)) is (format not in stating)


def test_an_earlier_warning_stays():
    """And one that is empty adds nothing."""
    image = replace(picture((6, 5, 3)), warning="only the first frame was read")
    assert image.warned("", "it is damaged").warning == "only the first frame was read; it is damaged"
    assert image.warned("").warning == image.warning


def test_a_profile_states_the_colors_of_a_png_that_has_both():
    """In the formats that hold one."""
    image = picture((6, 5, 3), png_color=(3, (WIDE,)), icc=srgb_profile())
    silent = [format for format in WRITABLE if not color_warning(image, format)]
    assert silent == ["png", "jpeg", "webp", "tiff", "avif"]


def test_a_heic_with_codes_and_without_a_profile_has_a_warning():
    """Telephones write them; so is it for every format that names colors by codes."""
    codes = {"color_primaries": 12, "transfer_characteristics": 13, "matrix_coefficients": 6, "full_range_flag": 1}
    image = decode(heic(ramp(), **codes), limits=LIMITS)
    assert "JPEG cannot state the colors" in color_warning(image, ImageFormat.JPEG)
    assert not color_warning(image, ImageFormat.AVIF)
    assert image.metadata.color_codes == (12, 13)


@pytest.mark.parametrize("format", ALL)
def test_media_types_are_found_again(format):
    """Parameters and case do not matter."""
    assert ImageFormat.from_media_type(f" {format.media_type.upper()} ; q=0.5") is format


def test_unknown_media_types_are_none():
    """The caller words the error."""
    assert ImageFormat.from_media_type("image/svg+xml") is None
    assert ImageFormat.from_media_type("*/*") is None
