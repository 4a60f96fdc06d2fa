"""Images on the wire: files as they are, arrays as NPY, and nothing pickled."""

from __future__ import annotations

import io
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Protocol, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from biasfree_client._arrays import array_of, check_numbers
from biasfree_client._errors import UnexpectedResponse, UnsupportedImage
from biasfree_client._formats import NPY, media_type
from biasfree_client._pil import PilMode, axes_of, pixels_of

if TYPE_CHECKING:
    from PIL.Image import Image

AnyArray: TypeAlias = npt.NDArray[Any]
ByteOrder = Literal["=", "<", ">", "|"]
Form = Literal["array", "bytes", "file", "pil"]
ImageLike: TypeAlias = "str | os.PathLike[str] | bytes | BinaryIO | Image | AnyArray | SupportsArray"


class SupportsArray(Protocol):
    """An object that converts itself to an array, such as a tensor."""

    def __array__(self) -> AnyArray: ...


@dataclass(frozen=True)
class Kind:
    """The kind of object an image was given as, so that its result can be returned as the same.

    Args:
        form: Array, bytes (also for a path), open file, or Pillow image.
        byte_order: Byte order of an array, as in ``numpy.dtype.byteorder``.
        pil: Mode and metadata of a Pillow image.
    """

    form: Form = "bytes"
    byte_order: ByteOrder = "="
    pil: PilMode | None = None


@dataclass(frozen=True)
class Body:
    """An image as it travels.

    Args:
        content: The bytes.
        media_type: Their media type.
        kind: The kind of object they were made from.
        axes: The axes of an array, such as ``YXC``, if that object determines them.
    """

    content: bytes = field(repr=False)
    media_type: str
    kind: Kind = Kind()
    axes: str | None = None


def encode(image: ImageLike) -> Body:
    """Make the request body of an image.

    Args:
        image: A path, the bytes of an image file, a file opened for binary reading, a Pillow image, or an array
            (H, W), (H, W, 3) or (Z, H, W) of any range; also an object that converts itself to an array.

    Raises:
        UnsupportedImage: It is none of these, an empty file, an array of unsupported numbers, or of an unsupported
            Pillow mode.
        OSError: The file cannot be read.
    """
    if isinstance(image, np.ndarray):
        return _array(image)
    if isinstance(image, bytes | bytearray | memoryview):
        return _file(bytes(image), "bytes")
    if isinstance(image, str | os.PathLike):
        return _file(_not_empty(Path(image).read_bytes()), "bytes")
    if _is_pil(image):
        pixels, mode = pixels_of(cast("Image", image))
        return Body(encode_array(pixels), NPY, Kind("pil", pixels.dtype.byteorder, mode), axes_of(pixels))
    if hasattr(image, "read"):
        return _file(_not_empty(_read(cast("BinaryIO", image))), "file")
    if hasattr(image, "__array__") or hasattr(image, "__array_interface__"):
        return _array(array_of(image), "np.asarray(image)")
    raise UnsupportedImage(
        f"Unsupported image type {type(image).__name__}; pass a path, bytes, a binary file, a Pillow image or an array"
    )


def _array(array: AnyArray, name: str = "image") -> Body:
    check_numbers(array, name)
    return Body(encode_array(array), NPY, Kind("array", array.dtype.byteorder))


def encode_array(array: AnyArray) -> bytes:
    """Write an array as an NPY file.

    Raises:
        UnsupportedImage: It is an array of Python objects.
    """
    buffer = io.BytesIO()
    try:
        np.lib.format.write_array(buffer, array, allow_pickle=False)
    except ValueError as exc:
        raise UnsupportedImage(f"Cannot send an array of dtype {array.dtype}; convert it to numbers") from exc
    return buffer.getvalue()


def decode_array(content: bytes, byte_order: ByteOrder = "=") -> AnyArray:
    """Read an NPY file, in the given byte order.

    Raises:
        UnexpectedResponse: It is not an NPY file, or holds pickled objects.
    """
    try:
        array: AnyArray = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    except (ValueError, EOFError) as exc:
        raise UnexpectedResponse(f"Not an array in NPY format ({len(content)} bytes)") from exc
    return array.astype(array.dtype.newbyteorder(byte_order), copy=False)


def _file(content: bytes, form: Form) -> Body:
    return Body(content, media_type(content), Kind(form))


def _is_pil(image: object) -> bool:
    """Return whether this is a Pillow image, without importing Pillow: until it is loaded, none can exist."""
    pillow = sys.modules.get("PIL.Image")
    return pillow is not None and isinstance(image, pillow.Image)


def _read(file: BinaryIO) -> bytes:
    content: object = file.read()
    if not isinstance(content, bytes):
        raise UnsupportedImage(f"Open the file for binary reading; its read() returned {type(content).__name__}")
    return content


def _not_empty(content: bytes) -> bytes:
    """Refuse an empty file, which a failed copy or command leaves."""
    if not content:
        raise UnsupportedImage("The file is empty")
    return content
