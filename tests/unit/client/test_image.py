"""The encoding of images for sending."""

import io

import numpy as np
import pytest
from PIL import Image

from biasfree_client import UnsupportedImage
from biasfree_client._formats import media_type
from biasfree_client._image import decode_array, encode


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
def test_the_content_determines_the_media_type(format_, expected):
    """Files of every supported format are recognized by their first bytes."""
    buffer = io.BytesIO()
    Image.new("L", (3, 2)).save(buffer, format_)

    assert media_type(buffer.getvalue()) == expected


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"RIFF....WAVE", b"text"])
def test_unknown_content_is_for_the_service_to_refuse(content):
    """Unknown content is sent, because the service decides what it accepts."""
    assert media_type(content) == "application/octet-stream"


def test_npy_file_is_an_array():
    """The bytes of an NPY file are sent unchanged."""
    buffer = io.BytesIO()
    np.save(buffer, np.eye(2))

    assert encode(buffer.getvalue()).media_type == "application/x-npy"
    np.testing.assert_array_equal(decode_array(encode(buffer.getvalue()).content), np.eye(2))


def test_an_open_file_is_read_from_where_it_is(tmp_path):
    """Its kind is recorded, so that the result can be a file again."""
    (tmp_path / "a.png").write_bytes(b"??" + b"\x89PNG\r\n\x1a\n an image")
    with (tmp_path / "a.png").open("rb") as file:
        file.seek(2)
        body = encode(file)
    assert (body.content[:4], body.media_type, body.kind.form) == (b"\x89PNG", "image/png", "file")


def test_a_file_opened_as_text_is_refused(tmp_path):
    """The original bytes cannot be recovered from text."""
    (tmp_path / "a.png").write_text("text")
    with (tmp_path / "a.png").open() as file, pytest.raises(UnsupportedImage, match="binary reading"):
        encode(file)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_every_kind_of_bytes_is_sent(kind):
    """The bytes are copied, so later changes do not affect the request."""
    assert encode(kind(b"II*\x00...")).content == b"II*\x00..."


@pytest.mark.parametrize("image", [None, 3, [[1, 2]], np.array([object()])], ids=["None", "int", "list", "objects"])
def test_other_kinds_are_refused_before_anything_is_sent(image):
    """No type is guessed, and no object is pickled."""
    with pytest.raises(UnsupportedImage, match=r"Unsupported image type|not supported"):
        encode(image)


def test_an_empty_file_is_not_sent(tmp_path):
    """A copy that failed leaves such files."""
    (tmp_path / "a.png").touch()
    for image in (tmp_path / "a.png", io.BytesIO()):
        with pytest.raises(UnsupportedImage, match="is empty"):
            encode(image)
