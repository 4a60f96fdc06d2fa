"""Image files to arrays and back."""

import io

import numpy as np
import pytest
from PIL import Image

from biasfree_client import MissingLibrary, UnsupportedImage
from biasfree_client._extras import optional
from biasfree_client._files import LOSSLESS, read, write

KINDS = sorted(set(LOSSLESS.values()))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (5, 7, 2), (5, 7, 3), (5, 7, 4)])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_what_is_written_is_read_again(kind, shape, dtype):
    """Gray, colour and alpha of 8 and 16 bits, in every format that is written."""
    pixels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape).astype(dtype)
    back = read(write(pixels, kind))
    assert back.dtype == pixels.dtype
    np.testing.assert_array_equal(back, pixels)


@pytest.mark.parametrize("kind", ["image/tiff", "application/x-npy"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int16"])
@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3), (6, 5, 7)])
def test_floats_and_pages_are_read_again(kind, dtype, shape):
    """Whatever their range."""
    pixels = np.random.default_rng(0).normal(0, 1000, shape).astype(dtype)
    back = read(write(pixels, kind))
    assert back.dtype == pixels.dtype
    np.testing.assert_array_equal(back, pixels)


def test_a_png_does_not_take_floats():
    """And says what does."""
    with pytest.raises(UnsupportedImage, match=r"take \.tiff"):
        write(np.zeros((2, 2), np.float32), "image/png")


@pytest.mark.parametrize("format_", ["JPEG", "WEBP", "BMP"])
def test_eight_bit_formats_are_read_upright(format_):
    """The service turns them too."""
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[274] = 6  # to be turned by 90 degrees
    Image.new("RGB", (8, 4), "red").save(buffer, format_, exif=exif)
    turned = format_ != "BMP"
    assert read(buffer.getvalue()).shape == ((8, 4, 3) if turned else (4, 8, 3))


@pytest.mark.parametrize(
    "content", [b"", b"text", b"\x89PNG\r\n\x1a\n", b"II*\x00\x08\x00\x00\x00", b"\xff\xd8\xff\xe0", b"BM"]
)
def test_bytes_that_are_no_image_are_told(content):
    """Whatever the codec thinks of them."""
    with pytest.raises(UnsupportedImage, match="expected"):
        read(content)


def test_a_library_that_is_not_there_is_named_with_its_extra():
    """What to install is in the message."""
    with pytest.raises(MissingLibrary, match=r"a plot needs nowhere: pip install 'biasfree-client\[plot\]'"):
        optional("nowhere.at_all", extra="plot", purpose="a plot")
