"""Image files to arrays and back without loss, including 16-bit color, floats and multi-page files.

Files are read by the rules of the service, whose own decoder a test compares this one with; the client is a
distribution of its own and imports nothing of the service.
"""

import io
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from biasfree_client._errors import UnexpectedResponse, UnsupportedImage
from biasfree_client._extras import optional
from biasfree_client._formats import NPY, UNKNOWN, Format, media_type
from biasfree_client._image import decode_array, encode_array
from biasfree_client._raster import read_bmp, read_jpeg, read_png, read_webp
from biasfree_client._tiff import read_tiff

#: Exceptions that the three codec libraries raise for damaged or foreign files.
_CODEC_ERRORS = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
_PURPOSE = "opening or writing an image file"
#: Formats that ``write`` writes.
WRITTEN = (Format.PNG, Format.TIFF, Format.NPY)
#: Most zero bytes that are skipped before a file, which some cameras and transfers add.
MAX_LEADING_NUL = 4096

_READERS: Mapping[str, Callable[[bytes], npt.NDArray[Any]]] = {
    Format.PNG.media_type: read_png,
    Format.JPEG.media_type: read_jpeg,
    Format.WEBP.media_type: read_webp,
    Format.BMP.media_type: read_bmp,
}


@dataclass(frozen=True)
class Decoded:
    """The pixels of a file, and what their axes mean.

    Args:
        pixels: (H, W) or (H, W, S), with a first axis Z if there are several pages.
        channel_axis: True if there is an axis S.
        alpha: True if the last sample is alpha.
    """

    pixels: npt.NDArray[Any] = field(repr=False)
    channel_axis: bool
    alpha: bool


def read(content: bytes) -> npt.NDArray[Any]:
    """Return the pixels of an image file, as ``decode`` does."""
    return decode(content).pixels


def decode(content: bytes) -> Decoded:
    """Decode an image file.

    Raises:
        UnsupportedImage: The bytes are not an image of a format that is read here.
        UnexpectedResponse: They are a damaged NPY file.
        MissingLibrary: The extra ``images`` is not installed.
    """
    kind = media_type(content)
    if kind == UNKNOWN:
        content = content[:MAX_LEADING_NUL].lstrip(b"\0") + content[MAX_LEADING_NUL:]
        kind = media_type(content)
    if kind == NPY:
        return of_array(decode_array(content))
    try:
        decoded = _decode(content, kind)
    except _CODEC_ERRORS as exc:
        raise UnsupportedImage(f"Damaged or incomplete {kind} file ({len(content)} bytes)") from exc
    if not decoded.pixels.size:
        raise UnsupportedImage(f"The {kind} file has no pixels")
    return decoded


def of_array(pixels: npt.NDArray[Any]) -> Decoded:
    """Return an array with the meaning that the service infers: a last axis of at most 4 holds samples."""
    channel_axis = pixels.ndim > 2 and pixels.shape[-1] <= 4
    return Decoded(pixels, channel_axis, channel_axis and pixels.shape[-1] == 4 and pixels.dtype.kind in "iu")


def _decode(content: bytes, kind: str) -> Decoded:
    if kind == Format.TIFF.media_type:
        tiff = read_tiff(content, purpose=_PURPOSE)
        return Decoded(tiff.pixels, tiff.channel_axis, tiff.alpha)
    if kind not in _READERS:
        readable = ", ".join((*(each for each in Format if each.media_type in _READERS), Format.TIFF, Format.NPY))
        raise UnsupportedImage(f"Not an image file of a format that is read without the service: {readable}")
    pixels = _READERS[kind](content)
    samples = pixels.shape[2] if pixels.ndim == 3 else 1
    if pixels.ndim == 3 and samples == 1:
        pixels = pixels[..., 0]
    return Decoded(pixels, pixels.ndim == 3, samples in (2, 4))


def read_result(content: bytes) -> npt.NDArray[Any]:
    """Decode an image file that the service returned.

    Raises:
        UnexpectedResponse: It is not an image of a format that is read here.
        MissingLibrary: The extra ``images`` is not installed.
    """
    try:
        return read(content)
    except UnsupportedImage as exc:
        raise UnexpectedResponse(f"{exc}; denoise(..., format='npy') returns an array") from exc


def write(pixels: npt.NDArray[Any], kind: str, *, like: Decoded | None = None) -> bytes:
    """Encode an array as a file that keeps every pixel.

    Args:
        pixels: An array as ``read`` returns it.
        kind: Media type: ``image/png`` (8 and 16 bits), ``image/tiff`` or ``application/x-npy``.
        like: The file whose axes and alpha the array has. By default they follow from the shape.

    Raises:
        UnsupportedImage: The format cannot hold these pixels.
        MissingLibrary: The extra ``images`` is not installed.
    """
    if kind == NPY:
        return encode_array(pixels)
    if kind == Format.PNG.media_type:
        return _png(pixels)
    return _tiff(pixels, like or _guess(pixels))


def _guess(pixels: npt.NDArray[Any]) -> Decoded:
    channel_axis = pixels.ndim > 2 and pixels.shape[-1] <= 4
    return Decoded(pixels, channel_axis, channel_axis and pixels.shape[-1] in (2, 4))


def _tiff(pixels: npt.NDArray[Any], like: Decoded) -> bytes:
    tifffile = optional("tifffile", extra="images", purpose=_PURPOSE)
    samples = pixels.shape[-1] if like.channel_axis else 1
    colors = 3 if samples - like.alpha >= 3 else 1
    extra = ["unspecified"] * (samples - like.alpha - colors) + ["unassalpha"] * like.alpha
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        pixels,
        photometric="rgb" if colors == 3 else "minisblack",
        planarconfig="contig" if samples > 1 else None,
        extrasamples=extra or None,
        metadata=None,
        software=False,
    )
    return buffer.getvalue()


def _png(pixels: npt.NDArray[Any]) -> bytes:
    imagecodecs = optional("imagecodecs", extra="images", purpose=_PURPOSE)
    if pixels.dtype.name not in ("uint8", "uint16") or pixels.ndim > 3:
        raise UnsupportedImage(
            f"PNG holds one image of 8 or 16 bits per channel, not {pixels.dtype} {pixels.shape}; write .tiff instead"
        )
    content: bytes = imagecodecs.png_encode(np.ascontiguousarray(pixels))
    return content
