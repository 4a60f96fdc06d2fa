"""What colours mean."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2lab

from biasfree.analysis.pictures import intensities, intensity_range, signed, vector_limit
from tests.unit.biasfree.analysis.reports import black_report, dense_report

#: Signed values from one limit to the other, zero among them.
RAMP = np.linspace(-1, 1, 255)


def pixels(png: bytes) -> np.ndarray:
    """The RGB pixels of a PNG (P, Q, 3)."""
    with Image.open(io.BytesIO(png)) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB")).astype(int)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", [(1, 1), (6, 6), (5, 9)])
def test_a_picture_has_the_size_of_its_patch(channels, shape):
    """One pixel a pixel; who shows it enlarges it."""
    values = np.random.default_rng(0).standard_normal((channels, *shape))
    assert pixels(signed(values, limit=1)).shape == (*shape, 3)
    assert pixels(intensities(values, black=-1, white=1)).shape == (*shape, 3)


def test_zero_is_white_and_the_signs_are_blue_and_red():
    """Zero has no hue; the sign of a value is told by which of red and blue is more."""
    ramp = pixels(signed(RAMP.reshape(1, 1, -1), limit=1))[0]
    assert len(set(ramp[127])) == 1
    assert ramp[127, 0] > 240
    np.testing.assert_array_equal(np.sign(ramp[:, 0] - ramp[:, 2]), np.sign(RAMP))


def test_values_of_opposite_sign_are_equally_light():
    """Neither sign looks stronger: lightness falls on both sides, and differs by less than one can see at a glance."""
    lightness = rgb2lab(pixels(signed(RAMP.reshape(1, 1, -1), limit=1))[0] / 255)[:, 0]
    assert np.all(np.diff(lightness[:128:8]) > 0)
    assert np.all(np.diff(lightness[127::8]) < 0)
    np.testing.assert_allclose(lightness, lightness[::-1], atol=6)


def test_the_picture_of_minus_v_is_the_mirrored_picture_of_v():
    """To the level: gray patches by their place in the map, colour patches around mid-gray."""
    vectors = dense_report().vectors.left
    with (
        Image.open(io.BytesIO(signed(vectors[0], limit=0.4))) as one,
        Image.open(io.BytesIO(signed(-vectors[0], limit=0.4))) as other,
    ):
        assert np.all(np.asarray(one).astype(int) + np.asarray(other) == 254)
    color = np.random.default_rng(0).standard_normal((3, 8, 8))
    assert np.all(pixels(signed(color, limit=2)) + pixels(signed(-color, limit=2)) == 256)


def test_zero_is_mid_gray_in_colour():
    """The neutral colour of three channels."""
    assert np.all(pixels(signed(np.zeros((3, 4, 4)), limit=1)) == 128)


@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_beyond_the_limit_saturates(channels):
    """And does not wrap around."""
    values = np.random.default_rng(0).choice([-1.0, 0.0, 1.0], (channels, 8, 8))
    np.testing.assert_array_equal(pixels(signed(100 * values, limit=2)), pixels(signed(values, limit=1)))


@pytest.mark.parametrize("size_n", [1, 36, 4096])
def test_a_unit_vector_fills_a_fifth_of_its_scale(size_n):
    """Whatever its size, so that pictures of large and small patches are alike; no value of it exceeds 1."""
    root_mean_square = 1 / np.sqrt(size_n)
    assert root_mean_square <= vector_limit(size_n) <= 1
    assert size_n < 25 or vector_limit(size_n) == pytest.approx(5 * root_mean_square)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_intensities_run_from_black_to_white_and_are_clipped_beyond(dtype):
    """In the image's own units, negative ones too."""
    values = np.array([[[-1000, -100, 0, 100, 1000]]], dtype)
    levels = pixels(intensities(values, black=-100, white=100))[0, :, 0]
    assert levels.tolist() == [0, 0, 128, 255, 255]


def test_the_range_is_that_of_the_clean_patch_or_else_of_the_denoised():
    """Never of the noisy one: its extremes are noise."""
    report = dense_report()
    assert intensity_range(report) == (report.clean.min(), report.clean.max())
    assert intensity_range(replace(report, clean=None)) == (report.denoised.min(), report.denoised.max())


@pytest.mark.parametrize("intensity", [-7.0, 0.0, 0.5, 65535.0])
def test_a_patch_of_one_intensity_is_mid_gray(intensity):
    """No division by zero."""
    report = replace(black_report(), denoised=np.full((1, 6, 6), intensity))
    black, white = intensity_range(report)
    assert np.all(pixels(intensities(report.denoised, black=black, white=white)) == 128)
