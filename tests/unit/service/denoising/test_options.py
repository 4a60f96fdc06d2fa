import numpy as np
import pytest

from service.denoising.options import DenoiseOptions
from service.denoising.preparation import converted
from service.errors import InvalidParameter, InvalidPixels
from tests.unit.service.imaging.samples import picture


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_pixels_that_are_not_numbers_are_counted(bad, dtype):
    """With the first page that has one."""
    image = picture((4, 3), (4, 3), dtype=dtype)
    converted(image, color="auto", bit_depth=None)
    image.frames[1][0, :2] = bad
    with pytest.raises(InvalidPixels) as refusal:
        converted(image, color="auto", bit_depth=None)
    assert refusal.value.facts == {"count": 2, "frame": 1}


def test_a_bit_depth_beyond_the_dtype_is_a_refusal_with_its_numbers():
    """The library's error becomes one of a request."""
    with pytest.raises(InvalidParameter) as refusal:
        converted(picture((4, 3)), color="auto", bit_depth=9)
    assert refusal.value.facts == {"limit": 8, "actual": 9}


def test_options_cannot_be_changed():
    """They are shared by everything that a request passes."""
    options = DenoiseOptions(strength=0.5)
    with pytest.raises(ValueError, match="frozen"):
        options.strength = 1
