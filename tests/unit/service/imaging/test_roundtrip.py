"""The law of lossless formats: decode(encode(x)) = x."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.imaging import ImageFormat, Picture, can_hold, decode, encode, to_rgb
from service.imaging.picture import DTYPES
from tests.unit.service.imaging.samples import LIMITS, assert_same_pixels, noise, picture

SAMPLES = [(), (2,), (3,), (4,)]
LOSSLESS = [
    *((ImageFormat.PNG, dtype, samples) for dtype in ("uint8", "uint16") for samples in SAMPLES),
    *((ImageFormat.WEBP, "uint8", samples) for samples in [(3,), (4,)]),
    *((ImageFormat.BMP, "uint8", samples) for samples in [(), (3,)]),
    *((ImageFormat.PNM, dtype, samples) for dtype in ("uint8", "uint16") for samples in SAMPLES),
    *((ImageFormat.FITS, dtype, ()) for dtype in DTYPES if dtype != "float16"),
    *(
        (format, dtype, samples)
        for format in (ImageFormat.TIFF, ImageFormat.NPY)
        for dtype in DTYPES
        for samples in SAMPLES
    ),
]


def back(image: Picture, format: ImageFormat) -> Picture:
    """What is read of what was written."""
    axes = None
    if format is ImageFormat.NPY and image.has_alpha:
        axes = "ZYXA" if len(image.frames) > 1 else "YXA"
    return decode(encode(image, format), limits=LIMITS, declared=format, axes=axes)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 1), (13, 9)])
@pytest.mark.parametrize(("format", "dtype", "samples"), LOSSLESS)
def test_what_was_written_is_read_back(format, dtype, samples, size):
    """Every lossless format returns every pixel of every kind it holds, at awkward sizes too."""
    image = picture((*size, *samples), dtype=dtype)
    result = back(image, format)
    assert_same_pixels(result, image)
    assert result.format is format


@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    samples=st.sampled_from([(), (2,), (3,), (4,)]),
    dtype=st.sampled_from(["uint8", "uint16"]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=50, deadline=None)
def test_png_and_tiff_keep_any_image(height, width, samples, dtype, seed):
    """Any size, any number of samples."""
    image = picture((height, width, *samples), dtype=dtype)
    image.frames[0][:] = noise(image.frames[0].shape, dtype, seed)
    assert_same_pixels(back(image, ImageFormat.PNG), image)
    assert_same_pixels(back(image, ImageFormat.TIFF), image)


@pytest.mark.parametrize("samples", [(), (2,)])
def test_gray_webp_comes_back_as_three_equal_colors(samples):
    """WebP has no gray; nothing else is lost."""
    image = picture((6, 5, *samples))
    assert_same_pixels(back(image, ImageFormat.WEBP), to_rgb(image))


def test_webp_keeps_colors_under_transparent_pixels():
    """What alpha hides is data all the same."""
    image = picture((8, 8, 4))
    image.alpha[0][:] = 0
    assert_same_pixels(back(image, ImageFormat.WEBP), image)


@pytest.mark.parametrize("format", [ImageFormat.TIFF, ImageFormat.NPY])
@pytest.mark.parametrize("samples", SAMPLES)
def test_stacks_keep_their_pages(format, samples):
    """A stack comes back page by page, in order."""
    image = picture(*[(6, 5, *samples)] * 3, dtype="uint16")
    assert_same_pixels(back(image, format), image)


def test_tiff_pages_may_differ_in_size():
    """Scans of different pages fit into one TIFF."""
    image = picture((6, 5), (3, 9))
    assert_same_pixels(back(image, ImageFormat.TIFF), image)


@pytest.mark.parametrize("samples", [(), (3,)])
@pytest.mark.parametrize("size", [(1, 1), (16, 16)])
def test_jpeg_is_close_and_keeps_its_shape(samples, size):
    """Quality 95 without subsampling: a flat image moves by rounding alone."""
    image = picture((*size, *samples))
    image.frames[0][:] = 77
    result = back(image, ImageFormat.JPEG)
    assert np.abs(result.frames[0].astype(int) - 77).max() <= 1


@pytest.mark.parametrize("format", [each for each in ImageFormat if can_hold(picture((6, 5)), each)])
def test_results_of_a_conversion_can_be_written_everywhere(format):
    """Views and read-only frames, as decoding makes them, are no obstacle to any writer."""
    samples = 1 if format is ImageFormat.FITS else 3
    data = encode(picture((6, 5, samples)), ImageFormat.NPY)
    assert back(decode(data, limits=LIMITS), format).frames[0].shape == (6, 5, samples)
