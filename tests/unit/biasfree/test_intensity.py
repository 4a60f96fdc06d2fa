"""Units of intensity."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biasfree.intensity import power_of_two_scale, to_255


@given(st.floats(min_value=5e-324, max_value=1e308))
def test_the_scale_brings_the_largest_value_into_half_to_one_exactly(largest):
    """Division by a power of two loses nothing."""
    scale = power_of_two_scale(largest)
    assert math.frexp(scale)[0] == 0.5
    assert 0.5 <= largest / scale < 2


def test_a_black_image_keeps_its_scale():
    """There is nothing to bring anywhere."""
    assert power_of_two_scale(0.0) == 1.0


@pytest.mark.parametrize(("value", "white", "expected"), [(25, 255, 25), (25 * 257, 65535, 25), (0.1, 1.0, 25.5)])
def test_noise_levels_are_stated_on_the_0_255_scale(value, white, expected):
    """Whatever the image's own range."""
    assert to_255(value, white=white) == pytest.approx(expected)
