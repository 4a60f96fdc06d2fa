"""Images on the wire: files as they are, arrays as NPY, nothing ever pickled."""

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from biasfree_client._errors import UnexpectedResponse, UnsupportedImage

NPY = "application/x-npy"

AnyArray = npt.NDArray[Any]
ByteOrder = Literal["=", "<", ">", "|"]
ImageLike = str | os.PathLike[str] | bytes | AnyArray

#: First bytes of a file -> its media type. The bytes decide, not the file's name.
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"BM", "image/bmp"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"II+\x00", "image/tiff"),  # BigTIFF
    (b"MM\x00+", "image/tiff"),
    (b"\x93NUMPY", NPY),
)


@dataclass(frozen=True)
class Body:
    """Bytes, their media type, and for an array its byte order as ``numpy.dtype.byteorder`` has it."""

    content: bytes
    media_type: str
    byte_order: ByteOrder = "="


def encode(image: ImageLike) -> Body:
    """Make the request body of an image.

    Args:
        image: A path, the bytes of an image file, or an array (H, W), (H, W, 3) or (Z, H, W) of any range.

    Raises:
        UnsupportedImage: It is none of these, or an array of Python objects.
        OSError: The file cannot be read.
    """
    if isinstance(image, np.ndarray):
        return Body(_npy(image), NPY, image.dtype.byteorder)
    if isinstance(image, bytes):
        return Body(image, media_type(image))
    if isinstance(image, str | os.PathLike):
        return encode(Path(image).read_bytes())
    raise UnsupportedImage(f"expected a path, bytes or an array, got {type(image).__name__}")


def media_type(content: bytes) -> str:
    """Tell a file's media type by its first bytes; what is unknown is for the service to refuse."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    matches = (kind for signature, kind in _SIGNATURES if content.startswith(signature))
    return next(matches, "application/octet-stream")


def decode_array(content: bytes, byte_order: ByteOrder = "=") -> AnyArray:
    """Read an NPY file, in the byte order asked for.

    Raises:
        UnexpectedResponse: It is not one, or holds pickled objects.
    """
    try:
        array: AnyArray = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    except (ValueError, EOFError) as exc:
        raise UnexpectedResponse(f"expected an array in NPY format, got {len(content)} other bytes") from exc
    return array.astype(array.dtype.newbyteorder(byte_order), copy=False)


def _npy(array: AnyArray) -> bytes:
    buffer = io.BytesIO()
    try:
        np.lib.format.write_array(buffer, array, allow_pickle=False)
    except ValueError as exc:
        raise UnsupportedImage(f"expected an array of numbers, got one of dtype {array.dtype}") from exc
    return buffer.getvalue()
