"""Which format the answer takes."""

import pytest

from service.errors import UnsupportedOutput
from service.http.negotiation import negotiate, preferred
from service.imaging import ImageFormat
from service.imaging.formats import ALIASES

EVERY = [ImageFormat.PNG, ImageFormat.JPEG, ImageFormat.WEBP, ImageFormat.BMP, ImageFormat.TIFF, ImageFormat.NPY]
SIXTEEN_BIT_PNG = [ImageFormat.PNG, ImageFormat.TIFF, ImageFormat.NPY]
FLOAT_NPY = [ImageFormat.NPY, ImageFormat.TIFF]


@pytest.mark.parametrize(
    ("accept", "named", "possible", "format", "as_json"),
    [
        ("", "auto", EVERY, "png", False),
        ("*/*", "auto", FLOAT_NPY, "npy", False),
        ("image/webp", "auto", EVERY, "webp", False),
        ("image/webp;q=0.5, image/tiff", "auto", EVERY, "tiff", False),
        ("image/webp", "npy", EVERY, "npy", False),
        ("text/html, image/*;q=0.1", "auto", EVERY, "png", False),
        # What a browser sends: the 16-bit PNG that came in is accepted, though WebP would be preferred.
        ("image/webp,*/*;q=0.8", "auto", SIXTEEN_BIT_PNG, "png", False),
        # Equal weights: what came in.
        ("image/*, application/x-npy", "auto", FLOAT_NPY, "npy", False),
        ("image/png;q=0, */*", "auto", EVERY, "bmp", False),
        ("application/json", "auto", EVERY, "png", True),
        ("application/json", "webp", EVERY, "webp", True),
        ("image/webp, application/json;q=0.1", "auto", EVERY, "webp", False),
        ("image/webp;q=x, image/png", "auto", EVERY, "png", False),
        # The names that are accepted as a Content-Type as well.
        ("image/jpg", "auto", EVERY, "jpeg", False),
        ("image/jpg;q=0.2, image/tif", "auto", EVERY, "tiff", False),
        ("image/x-png", "auto", EVERY, "png", False),
        ("application/x-numpy;level=1", "auto", FLOAT_NPY, "npy", False),
        ("image/tif;q=0, */*", "auto", [ImageFormat.TIFF, ImageFormat.NPY], "npy", False),
        # Any bytes: what came in, unless something else is preferred.
        ("application/octet-stream", "auto", EVERY, "png", False),
        ("application/octet-stream", "auto", [ImageFormat.JPEG, *EVERY], "jpeg", False),
        ("application/octet-stream, application/json", "auto", FLOAT_NPY, "npy", False),
        ("application/octet-stream;q=0.5, image/tiff", "auto", EVERY, "tiff", False),
        ("application/octet-stream;q=0.5, application/json", "auto", EVERY, "png", True),
    ],
)
def test_the_answer_takes_the_format_that_is_preferred_and_possible(accept, named, possible, format, as_json):
    """The parameter, then the weights, then what came in."""
    wanted = None if named == "auto" else ImageFormat(named)
    answer = negotiate(accept, wanted=wanted, possible=possible)
    assert (answer.format.value, answer.as_json) == (format, as_json)


@pytest.mark.parametrize(
    "sent", [ImageFormat.JPEG, ImageFormat.TIFF, ImageFormat.BMP, ImageFormat.WEBP, ImageFormat.NPY]
)
@pytest.mark.parametrize(
    "accept",
    [
        # Firefox, for a form and for an image.
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/png,image/svg+xml,*/*;q=0.8",
        "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5",
        # Chrome, Safari, Java, and old Internet Explorer.
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8",
        "image/webp,image/avif,image/jxl,image/heic,video/*;q=0.8,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5",
        "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
        "image/gif, image/jpeg, image/pjpeg, application/xaml+xml, */*",
    ],
)
def test_programs_that_show_pages_get_what_was_sent(accept, sent):
    """They name the formats that they show; a TIFF that came back as a PNG had lost its tags."""
    possible = sorted(EVERY, key=lambda each: each is not sent)
    assert negotiate(accept, wanted=None, possible=possible).format is sent


@pytest.mark.parametrize("format", ImageFormat)
def test_accept_knows_every_name_of_a_format(format):
    """Those of its Content-Type."""
    for name in (format.media_type, *ALIASES.get(format, ())):
        assert negotiate(name, wanted=None, possible=[ImageFormat.BMP, format]).format is format
        assert preferred(f"text/html, {name}", ["application/json", format.media_type]) == format.media_type


@pytest.mark.parametrize("accept", ["text/html", "image/png", "image/png;q=0.5, text/*"])
def test_what_cannot_be_is_refused_with_what_can(accept):
    """A PNG cannot hold floats."""
    with pytest.raises(UnsupportedOutput) as refusal:
        negotiate(accept, wanted=None, possible=FLOAT_NPY)
    assert any("npy" in name for name in refusal.value.facts["supported"])
