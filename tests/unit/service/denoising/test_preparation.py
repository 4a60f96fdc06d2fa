"""Pixels that do not count: they influence no others, and come back as they were."""

from dataclasses import replace

import numpy as np
import pytest

from service.denoising.options import DenoiseOptions
from service.denoising.preparation import Prepared
from service.errors import InvalidPixels
from tests.unit.service.imaging.samples import noise, picture


def with_gap(value: float, *, dtype: str = "float32", samples: int = 1):
    """A picture with a pixel of this value, of which its file says that it has no data."""
    whole = picture((24, 40, samples), dtype=dtype)
    with_data = np.ones((24, 40), bool)
    with_data[3, 7] = False
    frame = np.where(with_data[..., np.newaxis], whole.frames[0], whole.dtype.type(value))
    return replace(whole, frames=(frame,), with_data=(with_data,))


@pytest.mark.parametrize("value", [np.nan, np.inf, -9999.0, np.finfo("float32").min])
@pytest.mark.parametrize("samples", [1, 3])
def test_a_pixel_without_data_is_filled_and_comes_back(value, samples):
    """The denoiser sees its surroundings; its own value, which may be NaN, is in the result."""
    gap = with_gap(value, samples=samples)
    prepared = Prepared.of(gap, DenoiseOptions())
    (frame,) = prepared.picture.frames
    around = gap.frames[0][2:5, 6:9]
    assert np.isfinite(frame).all()
    assert np.nanmin(noise((24, 40, samples), "float32")) <= frame[3, 7].min()
    assert (frame[2:5, 6:9] == around).sum() == 8 * samples
    result = prepared.result([frame + 1], DenoiseOptions())
    np.testing.assert_array_equal(result.frames[0][3, 7], gap.frames[0][3, 7])
    np.testing.assert_array_equal(result.frames[0][4], gap.frames[0][4] + 1)


@pytest.mark.parametrize("color", ["gray", "rgb"])
def test_a_pixel_without_data_is_known_in_other_colors(color):
    """Although the conversion changes its value."""
    gap = with_gap(-9999.1, samples=3 if color == "gray" else 1)
    (frame,) = Prepared.of(gap, DenoiseOptions(color=color)).picture.frames
    assert frame[3, 7].min() > -9000


def test_nan_with_data_is_refused_all_the_same():
    """It may be a mistake in a file that says nothing of it."""
    gap = with_gap(np.nan)
    gap.frames[0][9, 9] = np.nan
    with pytest.raises(InvalidPixels, match="1 samples are NaN or infinite"):
        Prepared.of(gap, DenoiseOptions())
