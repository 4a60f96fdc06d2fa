"""JPEG in its three colors."""

import io

import numpy as np
import pytest
from PIL import Image

from service.imaging import ImageFormat, decode, encode
from tests.unit.service.imaging.samples import LIMITS, picture, pillow_file, srgb_profile


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
