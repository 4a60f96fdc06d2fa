"""The conversion between 8 and 16 bits per sample."""

import numpy as np
import pytest

from service.errors import InvalidParameter
from service.imaging import with_bits
from service.imaging.bits import depth_in_use
from tests.unit.service.imaging.samples import picture


def test_eight_bits_survive_sixteen():
    """Up and down again is nothing."""
    image = picture((9, 8, 4))
    wide = with_bits(image, 16)
    assert (wide.dtype, wide.alpha[0].dtype) == (np.uint16, np.uint16)
    np.testing.assert_array_equal(with_bits(wide, 8).samples(), image.samples(), strict=True)


def test_sixteen_bits_are_rounded_to_nearest():
    """Not truncated."""
    image = picture((30, 40), dtype="uint16")
    np.testing.assert_array_equal(with_bits(image, 8).frames[0], np.rint(image.frames[0] / 257))


def test_the_bits_in_use_are_spread_over_all():
    """White at 12 bits is white at 8; beyond it stays white."""
    image = picture((30, 40), dtype="uint16")
    image.frames[0][:] >>= 3
    expected = np.rint(image.frames[0].clip(max=4095) * (255 / 4095))
    np.testing.assert_array_equal(with_bits(image, 8, bit_depth=12).frames[0], expected)


@pytest.mark.parametrize("dtype", ["float32", "int16"])
def test_values_without_a_white_are_refused(dtype):
    """Nothing says which float is white."""
    with pytest.raises(InvalidParameter, match="bits=8 is for unsigned pixels of 8 and 16 bits"):
        with_bits(picture((9, 8), dtype=dtype), 8)


def test_no_bits_change_nothing():
    """The same object."""
    image = picture((9, 8), dtype="float32")
    assert with_bits(image, None) is image


@pytest.mark.parametrize(
    ("dtype", "stored", "values", "expected"),
    [
        ("uint16", 12, (0, 4095), 12),
        ("uint16", 12, (0, 4096), None),
        ("uint16", 16, (0, 9), None),
        ("uint8", 8, (0, 9), None),
        ("int16", 12, (-2048, 2047), None),
        ("float32", 12, (0, 1), None),
    ],
)
def test_the_bits_in_use_are_those_that_hold_every_value(dtype, stored, values, expected):
    """A file that has larger values than it says does not lose them."""
    assert depth_in_use([np.array([values], dtype)], stored) == expected
