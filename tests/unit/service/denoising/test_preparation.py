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


@pytest.mark.parametrize("inverted", [None, 12, 16])
@pytest.mark.parametrize("color", ["auto", "rgb"])
def test_gray_whose_white_was_0_is_turned_round_within_the_bits_that_are_named(inverted, color):
    """Data of 12 bits in a TIFF of 16: the reader turned them round in 16, and 61440 would be white."""
    stored = noise((7, 5, 1), "uint16") >> 4
    stored[0, 0] = 0
    turned = (1 << (inverted or 16)) - 1 - stored if inverted else stored
    whole = picture((7, 5, 1), dtype="uint16")
    read = replace(whole, frames=(turned,), metadata=replace(whole.metadata, inverted_bits=inverted))
    (frame,) = Prepared.of(read, DenoiseOptions(bit_depth=12, color=color)).original.frames
    expected = 4095 - stored if inverted else stored
    np.testing.assert_array_equal(frame, np.repeat(expected, 3 if color == "rgb" else 1, axis=2), strict=True)


def test_a_value_beyond_the_bits_that_are_named_is_black_where_0_was_white():
    """It cannot be turned round."""
    whole = picture((1, 2, 1), dtype="uint16")
    turned = np.array([[[65535 - 4096], [65535 - 7]]], np.uint16)
    read = replace(whole, frames=(turned,), metadata=replace(whole.metadata, inverted_bits=16))
    assert Prepared.of(read, DenoiseOptions(bit_depth=12)).original.frames[0].ravel().tolist() == [0, 4088]
