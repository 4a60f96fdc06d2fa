"""What each format can hold is known before the work is done."""

import pytest

from service.errors import UnsupportedOutput
from service.imaging import ImageFormat, can_hold, check_output, encode
from tests.unit.service.imaging.samples import picture

ALL = list(ImageFormat)
PICTURES = {
    "gray": (picture((6, 5)), ALL),
    "alpha": (picture((6, 5, 4)), ["png", "webp", "bmp", "tiff", "npy"]),
    "premultiplied": (picture((6, 5, 4), premultiplied=True), ["tiff", "npy"]),
    "16 bit": (picture((6, 5, 3), dtype="uint16"), ["png", "tiff", "npy"]),
    "signed": (picture((6, 5), dtype="int16"), ["tiff", "npy"]),
    "float": (picture((6, 5), dtype="float32"), ["tiff", "npy"]),
    "stack": (picture((6, 5), (6, 5)), ["tiff", "npy"]),
    "pages of two sizes": (picture((6, 5), (5, 6)), ["tiff"]),
    "some pages with alpha": (picture((6, 5, 3), (6, 5, 4)), ["tiff"]),
    "long": (picture((1, 16_384)), ["png", "jpeg", "bmp", "tiff", "npy"]),
    "longer": (picture((65_501, 1)), ["png", "bmp", "tiff", "npy"]),
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


@pytest.mark.parametrize("format", ALL)
def test_media_types_are_found_again(format):
    """Parameters and case do not matter."""
    assert ImageFormat.from_media_type(f" {format.media_type.upper()} ; q=0.5") is format


def test_unknown_media_types_are_none():
    """The caller words the error."""
    assert ImageFormat.from_media_type("image/gif") is None
    assert ImageFormat.from_media_type("*/*") is None
