"""What an image becomes on the wire."""

import io

import numpy as np
import pytest
from PIL import Image

from biasfree_client import UnsupportedImage
from biasfree_client._image import decode_array, encode, media_type


@pytest.mark.parametrize(
    ("format_", "expected"),
    [
        ("PNG", "image/png"),
        ("JPEG", "image/jpeg"),
        ("WEBP", "image/webp"),
        ("BMP", "image/bmp"),
        ("TIFF", "image/tiff"),
    ],
)
def test_media_type_is_told_by_the_content(format_, expected):
    """Real files of every accepted format are recognised."""
    buffer = io.BytesIO()
    Image.new("L", (3, 2)).save(buffer, format_)

    assert media_type(buffer.getvalue()) == expected


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"RIFF....WAVE", b"text"])
def test_unknown_content_is_for_the_service_to_refuse(content):
    """What is accepted is decided in one place, and that is not here."""
    assert media_type(content) == "application/octet-stream"


def test_npy_file_is_an_array():
    """The bytes of an NPY file travel as they are."""
    buffer = io.BytesIO()
    np.save(buffer, np.eye(2))

    assert encode(buffer.getvalue()).media_type == "application/x-npy"
    np.testing.assert_array_equal(decode_array(encode(buffer.getvalue()).content), np.eye(2))


@pytest.mark.parametrize("image", [None, 3, [[1, 2]], np.array([object()])], ids=["None", "int", "list", "objects"])
def test_other_kinds_are_refused_before_anything_is_sent(image):
    """Nothing is guessed, and no object is pickled."""
    with pytest.raises(UnsupportedImage, match="expected"):
        encode(image)
