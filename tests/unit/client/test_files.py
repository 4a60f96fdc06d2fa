"""Image files to arrays and back."""

import io

import numpy as np
import pytest
from PIL import Image

from biasfree_client import MissingLibrary, UnsupportedImage
from biasfree_client._extras import optional
from biasfree_client._files import read, write
from biasfree_client._formats import Format

KINDS = [each.media_type for each in Format if each.keeps_depth]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (5, 7, 2), (5, 7, 3), (5, 7, 4)])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_what_is_written_is_read_again(kind, shape, dtype):
    """Gray, color and alpha of 8 and 16 bits survive in every format that is written."""
    pixels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape).astype(dtype)
    back = read(write(pixels, kind))
    assert back.dtype == pixels.dtype
    np.testing.assert_array_equal(back, pixels)


@pytest.mark.parametrize("kind", ["image/tiff", "application/x-npy"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int16"])
@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3), (6, 5, 7)])
def test_floats_and_pages_are_read_again(kind, dtype, shape):
    """Floats of any range and stacks survive in TIFF and NPY."""
    pixels = np.random.default_rng(0).normal(0, 1000, shape).astype(dtype)
    back = read(write(pixels, kind))
    assert back.dtype == pixels.dtype
    np.testing.assert_array_equal(back, pixels)


def test_a_png_does_not_take_floats():
    """The error names a format that does."""
    with pytest.raises(UnsupportedImage, match=r"write \.tiff"):
        write(np.zeros((2, 2), np.float32), "image/png")


@pytest.mark.parametrize("format_", ["JPEG", "WEBP", "BMP"])
def test_eight_bit_formats_are_read_upright(format_):
    """The EXIF orientation is applied, as in the service."""
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[274] = 6  # to be turned by 90 degrees
    Image.new("RGB", (8, 4), "red").save(buffer, format_, exif=exif)
    turned = format_ != "BMP"
    assert read(buffer.getvalue()).shape == ((8, 4, 3) if turned else (4, 8, 3))


@pytest.mark.parametrize(
    "content", [b"", b"text", b"\x89PNG\r\n\x1a\n", b"II*\x00\x08\x00\x00\x00", b"\xff\xd8\xff\xe0", b"BM"]
)
def test_bytes_that_are_not_an_image_are_refused(content):
    """Whatever the codec raises becomes UnsupportedImage."""
    with pytest.raises(UnsupportedImage, match=r"Damaged or incomplete|Not an image file|no pixels"):
        read(content)


def test_a_missing_library_is_named_with_its_extra():
    """The error has the command that installs the extra."""
    with pytest.raises(MissingLibrary, match=r"plotting requires nowhere: pip install 'biasfree-client\[plot\]'"):
        optional("nowhere.at_all", extra="plot", purpose="plotting")
