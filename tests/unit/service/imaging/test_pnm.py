"""A Netpbm file may hold several images, of which the first is read."""

import numpy as np
import pytest
from PIL import Image

from biasfree.pixels import PixelArray
from service.errors import ImageTooLarge, UndecodableImage, UnsupportedMedia
from service.imaging import decode
from tests.unit.service.imaging.samples import LIMITS, noise

RASTER = noise((5, 9), "uint8")
DIGITS = " ".join(str(value) for value in RASTER.ravel()).encode()

#: An image of 9 x 5 pixels in each spelling.
IMAGES = {
    "plain bitmap": b"P1 9 5 " + b"10" * 22 + b"1",
    "plain gray": b"P2\n9 5\n255\n" + DIGITS,
    "plain color": b"P3\n3 5\n255\n" + DIGITS,
    "bitmap": b"P4\n9 5\n" + bytes(10),
    "gray": b"P5\n9 5\n255\n" + RASTER.tobytes(),
    "deep gray": b"P5\n9 5\n65535\n" + noise((5, 9), "uint16").tobytes(),
    "color": b"P6\n3 5\n255\n" + RASTER.tobytes(),
    "pam": b"P7\nWIDTH 9\nHEIGHT 5\nDEPTH 1\nMAXVAL 255\nTUPLTYPE GRAYSCALE\nENDHDR\n" + RASTER.tobytes(),
    "floats": b"Pf\n9 5\n-1.0\n" + RASTER.astype("<f4").tobytes(),
}


def pixels(data: bytes) -> tuple[PixelArray, str]:
    """The pixels and the warning of a file."""
    picture = decode(data, limits=LIMITS)
    return picture.samples(), picture.warning


@pytest.mark.parametrize("kind", IMAGES)
@pytest.mark.parametrize("between", [b"", b"\n", b" \n\n"])
def test_further_images_of_a_file_are_named_in_a_warning(kind, between):
    """Whole or damaged; the first one is as it would be alone."""
    alone, _ = pixels(IMAGES[kind])
    for further in (IMAGES[kind], IMAGES["gray"], IMAGES["gray"][:8]):
        got, warning = pixels(IMAGES[kind] + between + further)
        assert warning == "only the first image of the PNM file was read"
        np.testing.assert_array_equal(got, alone, strict=True)


@pytest.mark.parametrize("kind", IMAGES)
@pytest.mark.parametrize("end", [b"", b"\n", b" \r\n\n"])
def test_white_space_after_the_pixels_is_no_image(kind, end):
    """Editors and shells append it."""
    assert pixels(IMAGES[kind] + end)[1] == ""


def test_a_comment_in_a_plain_image_begins_no_other_one():
    """Nor does it end the numbers."""
    got, warning = pixels(b"P2\n2 2\n255\n1 2 # P5 9 5 255\n3 4 # Photograph\n")
    assert (got.ravel().tolist(), warning) == ([1, 2, 3, 4], "")


def test_numbers_of_a_further_plain_image_do_not_complete_the_first():
    """They would be its pixels."""
    with pytest.raises(UndecodableImage, match="it has 3 of 4 samples"):
        pixels(b"P2\n2 2\n255\n1 2 3\nP2\n2 2\n255\n4 5 6 7\n")


def pam(samples: PixelArray, *kinds: str) -> bytes:
    """A PAM file of samples (H, W, S)."""
    height, width, depth = samples.shape
    lines = [f"WIDTH {width}", f"HEIGHT {height}", f"DEPTH {depth}", f"MAXVAL {np.iinfo(samples.dtype).max}"]
    names = [f"TUPLTYPE {kind}" for kind in kinds]
    content = samples.astype(samples.dtype.newbyteorder(">")).tobytes()
    return "\n".join(["P7", *lines, *names, "ENDHDR", ""]).encode() + content


@pytest.mark.parametrize(
    ("kinds", "depth", "alpha", "channels"),
    [
        ([], 2, True, 1),
        ([], 4, True, 3),
        ([], 5, False, 5),
        (["GRAYSCALE_ALPHA"], 2, True, 1),
        (["RGB_ALPHA"], 4, True, 3),
        (["RGB", "ALPHA"], 4, True, 3),
        (["two stains"], 2, False, 2),
        (["BGR_NIR"], 4, False, 4),
        (["STAINS_ALPHA"], 4, True, 3),
        (["bands"], 13, False, 13),
    ],
)
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_the_name_of_a_tuple_says_what_is_alpha(kinds, depth, alpha, channels, dtype):
    """A fourth band was taken for alpha, and a fifth refused."""
    samples = noise((5, 9, depth), dtype)
    picture = decode(pam(samples, *kinds), limits=LIMITS)
    assert (picture.has_alpha, picture.channels) == (alpha, channels)
    np.testing.assert_array_equal(picture.samples(), samples)


@pytest.mark.parametrize(("kind", "depth"), [("CMYK", 4), ("CMYK_ALPHA", 5)])
def test_inks_become_colors(kind, depth):
    """Ghostscript writes them; black ink was taken for alpha."""
    ink = noise((5, 9, depth), "uint8")
    picture = decode(pam(ink, kind), limits=LIMITS)
    expected = np.asarray(Image.fromarray(ink[..., :4].copy(), mode="CMYK").convert("RGB"))
    np.testing.assert_array_equal(picture.frames[0], expected)
    assert picture.has_alpha is (depth == 5)
    with pytest.raises(UnsupportedMedia, match="CMYK"):
        decode(pam(noise((5, 9, depth), "uint16"), kind), limits=LIMITS)


def test_channels_without_end_are_refused():
    """Each is a pass of its own: a file of 3 MB kept the device busy for minutes."""
    with pytest.raises(ImageTooLarge, match="at most 4096"):
        decode(pam(noise((1, 1, 4097), "uint8"), "bands"), limits=LIMITS)
