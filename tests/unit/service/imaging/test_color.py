"""Gray and back."""

import numpy as np
import pytest
from PIL import Image

from service.imaging import all_channels, one_channel, to_gray, to_rgb
from service.imaging.picture import DTYPES
from tests.unit.service.imaging.samples import noise, picture


def test_luma_of_eight_bits_is_pillows():
    """Bit by bit, on every kind of color."""
    rgb = noise((200, 200, 3))
    image = picture((200, 200, 3))
    got = to_gray(image).frames[0][..., 0]
    np.testing.assert_array_equal(rgb, image.frames[0])
    np.testing.assert_array_equal(got, np.asarray(Image.fromarray(rgb).convert("L")))


@pytest.mark.parametrize("dtype", DTYPES)
def test_luma_is_that_of_exact_arithmetic(dtype):
    """Integers to nearest, white stays white."""
    image = picture((9, 8, 3), dtype=dtype)
    extreme = np.iinfo(dtype).max if np.dtype(dtype).kind in "iu" else 1
    image.frames[0][0, 0] = extreme
    weights = np.array([19595, 38470, 7471], object)
    if np.dtype(dtype).kind in "iu":
        exact = (image.frames[0].astype(object) @ weights + 32768) // 65536
    else:
        exact = image.frames[0].astype(np.longdouble) @ (weights.astype(np.longdouble) / 65536)
    got = to_gray(image).frames[0]
    assert got.dtype == image.dtype
    assert got[0, 0, 0] == extreme
    rounding = 0 if np.dtype(dtype).kind in "iu" else 2000 * np.finfo(dtype).eps
    assert np.abs(got[..., 0] - exact).max() <= rounding


def test_gray_in_color_is_the_same_gray():
    """to_gray undoes to_rgb, alpha untouched."""
    image = picture((9, 8, 2), dtype="uint16")
    there = to_rgb(image)
    assert there.channels == 3
    np.testing.assert_array_equal(to_gray(there).frames[0], image.frames[0])
    assert there.alpha is image.alpha


def test_what_is_right_already_is_not_copied():
    """The same picture comes back."""
    gray, rgb = picture((9, 8)), picture((9, 8, 3))
    assert to_gray(gray) is gray
    assert to_rgb(rgb) is rgb


@pytest.mark.parametrize("dtype", DTYPES)
def test_equal_channels_become_one_and_come_back(dtype):
    """A view of the first, and the same picture again."""
    there = to_rgb(picture((150, 8, 2), dtype=dtype))
    one = one_channel(there)
    assert one.channels == 1
    assert np.shares_memory(one.frames[0], there.frames[0])
    back = all_channels(one)
    assert back.layout == there.layout
    np.testing.assert_array_equal(back.frames[0], there.frames[0])


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_one_sample_makes_color(channel):
    """The last one of the picture too; and pictures that are not reduced are returned as they are."""
    image = to_rgb(picture((150, 8, 1)))
    image.frames[0][-1, -1, channel] ^= 1
    assert one_channel(image) is image
    assert all_channels(image) is image
