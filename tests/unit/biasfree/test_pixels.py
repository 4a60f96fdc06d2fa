"""Intensities reach the network and come back exactly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biasfree.pixels import BitDepthError, from_float, has_empty_channel, intensity_range, to_float
from service.imaging.picture import DTYPES
from tests.unit.service.imaging.samples import noise

EXACT = [name for name in DTYPES if np.dtype(name).itemsize <= 2 or name == "float32"]


@pytest.mark.parametrize("dtype", EXACT)
@pytest.mark.parametrize("scale", [1.0, 2.0**-20, 2.0**9])
def test_there_and_back_changes_nothing(dtype, scale):
    """float32 holds every value of the other dtypes, and powers of two only move the exponent."""
    frame = noise((6, 5, 3), dtype)
    image = to_float(frame, scale=scale)
    assert (image.shape, image.dtype, image.flags.c_contiguous) == ((3, 6, 5), np.float32, True)
    np.testing.assert_array_equal(from_float(image, frame.dtype, scale=scale), frame, strict=True)


def test_nothing_is_rescaled():
    """A pixel of 4095 is 4095.0."""
    assert to_float(np.full((1, 1, 1), 4095, "uint16")).item() == 4095.0


def test_huge_float64_values_survive_with_a_scale():
    """1e300 does not fit into float32; divided by a power of two it does."""
    frame = np.full((2, 2, 1), 1e300)
    image = to_float(frame, scale=2.0**997)
    assert np.isfinite(image).all()
    np.testing.assert_allclose(from_float(image, frame.dtype, scale=2.0**997), frame, rtol=1e-7)


@given(value=st.floats(-1e6, 1e6, width=32), dtype=st.sampled_from(["uint8", "uint16", "int16"]))
def test_integers_are_rounded_to_nearest_and_clipped(value, dtype):
    """As exact arithmetic says."""
    low, high = intensity_range(np.dtype(dtype))
    got = from_float(np.full((1, 1, 1), value, np.float32), np.dtype(dtype)).item()
    assert got == min(max(round(value), low), high)


def test_bit_depth_clips_at_its_white():
    """12-bit data stay below 4096, and above 0 in a signed type."""
    image = np.array([[[-7, 4095.4, 5000]]], np.float32)
    for dtype in ("uint16", "int16"):
        assert from_float(image, np.dtype(dtype), bit_depth=12).ravel().tolist() == [0, 4095, 4095]


def test_an_empty_channel_is_one_value_in_all_frames():
    """One or two of three; an empty picture has no colors either, but is gray."""
    frames = [noise((130, 5, 3)) for _ in range(2)]
    assert not has_empty_channel(frames)
    for empty in ([1], [0, 2]):
        dyes = [frame.copy() for frame in frames]
        for frame in dyes:
            frame[..., empty] = 7
        assert has_empty_channel(dyes)
        dyes[1][129, 4, empty] = 8
        assert not has_empty_channel(dyes)
    assert not has_empty_channel([np.zeros((4, 5, 3))])
    assert not has_empty_channel([np.zeros((4, 5, 1))])
    assert not has_empty_channel([np.stack([np.arange(6.0).reshape(2, 3)] + [np.zeros((2, 3))] * 4, axis=2)])


def test_floats_are_not_clipped():
    """Negative values and values above any white are results too."""
    image = np.array([[[-7.25, 1e30]]], np.float32)
    for dtype in ("float32", "float64"):
        np.testing.assert_array_equal(from_float(image, np.dtype(dtype)).ravel(), image.ravel())


@pytest.mark.parametrize(("dtype", "scale"), [("float16", 1.0), ("float32", 2.0**120)])
def test_no_result_becomes_infinite(dtype, scale):
    """What the type cannot hold stays at its largest number."""
    got = from_float(np.array([[[1e30, -1e30]]], np.float32), np.dtype(dtype), scale=scale).ravel()
    assert got.tolist() == [np.finfo(dtype).max, np.finfo(dtype).min]


@pytest.mark.parametrize(
    ("dtype", "bits"), [("uint8", 9), ("uint16", 0), ("int16", 16), ("uint16", -1), ("float32", 8)]
)
def test_a_bit_depth_that_does_not_fit_is_refused(dtype, bits):
    """Before any work is done."""
    with pytest.raises(BitDepthError):
        intensity_range(np.dtype(dtype), bits)


@pytest.mark.parametrize("dtype", ["int64", "uint64", "int32", "uint32"])
def test_wide_integers_are_clipped_at_what_they_hold(dtype):
    """The largest 64-bit integers lie between two numbers of float64."""
    image = np.array([[[3e19, -3e19, 77.5]]], np.float32)
    got = from_float(image, np.dtype(dtype)).ravel()
    limits = np.iinfo(dtype)
    assert (int(got[1]), int(got[2])) == (limits.min, 78)
    assert limits.max - int(got[0]) < 2048
