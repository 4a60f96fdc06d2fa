"""Images on the wire: files as they are, arrays as NPY, nothing ever pickled."""

from __future__ import annotations

import io
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from biasfree_client._errors import UnexpectedResponse, UnsupportedImage
from biasfree_client._pil import PilMode, pixels_of

if TYPE_CHECKING:
    from PIL.Image import Image

NPY = "application/x-npy"

AnyArray: TypeAlias = npt.NDArray[Any]
ByteOrder = Literal["=", "<", ">", "|"]
Form = Literal["array", "bytes", "file", "pil"]
ImageLike: TypeAlias = "str | os.PathLike[str] | bytes | BinaryIO | Image | AnyArray"

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
class Kind:
    """What an image was given as, and what a result must know to be given back as the same.

    Args:
        form: Array, bytes (of a path too), an open file, or a Pillow image.
        byte_order: An array's, as ``numpy.dtype.byteorder`` has it.
        pil: A Pillow image's mode and metadata.
    """

    form: Form = "bytes"
    byte_order: ByteOrder = "="
    pil: PilMode | None = None


@dataclass(frozen=True)
class Body:
    """An image as it travels: bytes, their media type, and what they were made from."""

    content: bytes = field(repr=False)
    media_type: str
    kind: Kind = Kind()


def encode(image: ImageLike) -> Body:
    """Make the request body of an image.

    Args:
        image: A path, the bytes of an image file, such a file opened for binary reading, a Pillow image, or an array
            (H, W), (H, W, 3) or (Z, H, W) of any range.

    Raises:
        UnsupportedImage: It is none of these, an array of Python objects, or of a Pillow mode that cannot be sent.
        OSError: The file cannot be read.
    """
    if isinstance(image, np.ndarray):
        return Body(_npy(image), NPY, Kind("array", image.dtype.byteorder))
    if isinstance(image, bytes | bytearray | memoryview):
        return _file(bytes(image), "bytes")
    if isinstance(image, str | os.PathLike):
        return _file(Path(image).read_bytes(), "bytes")
    if _is_pil(image):
        pixels, mode = pixels_of(cast("Image", image))
        return Body(_npy(pixels), NPY, Kind("pil", pixels.dtype.byteorder, mode))
    if hasattr(image, "read"):
        return _file(_read(cast("BinaryIO", image)), "file")
    raise UnsupportedImage(f"expected a path, bytes, a file, a Pillow image or an array, got {type(image).__name__}")


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


def _file(content: bytes, form: Form) -> Body:
    return Body(content, media_type(content), Kind(form))


def _is_pil(image: object) -> bool:
    """Whether it is a Pillow image. There is none while Pillow is not loaded, and nobody else has to load it."""
    pillow = sys.modules.get("PIL.Image")
    return pillow is not None and isinstance(image, pillow.Image)


def _read(file: BinaryIO) -> bytes:
    content: object = file.read()
    if not isinstance(content, bytes):
        raise UnsupportedImage(f"expected a file opened for binary reading, its read() gave {type(content).__name__}")
    return content


def _npy(array: AnyArray) -> bytes:
    buffer = io.BytesIO()
    try:
        np.lib.format.write_array(buffer, array, allow_pickle=False)
    except ValueError as exc:
        raise UnsupportedImage(f"expected an array of numbers, got one of dtype {array.dtype}") from exc
    return buffer.getvalue()
