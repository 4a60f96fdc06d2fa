"""Image files to arrays and back, every bit of them: 16-bit colour, floats and pages too."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from biasfree_client._errors import UnexpectedResponse, UnsupportedImage
from biasfree_client._extras import optional
from biasfree_client._image import NPY, decode_array, media_type

#: Formats that keep every pixel, by the ending of the name: what ``write`` writes.
LOSSLESS = {".png": "image/png", ".tif": "image/tiff", ".tiff": "image/tiff", ".npy": NPY}
#: What the three codec libraries raise for bytes that are no image.
_CODEC_ERRORS = (
    ArithmeticError,
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
_PURPOSE = "opening or writing an image file here"


def read(content: bytes) -> npt.NDArray[Any]:
    """Decode an image file: (H, W), (H, W, C), or (Z, H, W), (Z, H, W, C) of several pages.

    Raises:
        UnsupportedImage: The bytes are no image of a format that is known here.
        UnexpectedResponse: They are an NPY file that is damaged.
        MissingLibrary: The extra ``images`` is not installed.
    """
    kind = media_type(content)
    if kind == NPY:
        return decode_array(content)
    try:
        pixels = np.asarray(_decode(content, kind))
    except _CODEC_ERRORS as exc:
        raise UnsupportedImage(f"expected an image file, got {len(content)} bytes that are no whole {kind}") from exc
    if not pixels.size:
        raise UnsupportedImage(f"expected an image file, got {kind} without pixels")
    return pixels


def read_result(content: bytes) -> npt.NDArray[Any]:
    """``read``, for what the service answered.

    Raises:
        UnexpectedResponse: It is no image.
        MissingLibrary: The extra ``images`` is not installed.
    """
    try:
        return read(content)
    except UnsupportedImage as exc:
        raise UnexpectedResponse(str(exc)) from exc


def write(pixels: npt.NDArray[Any], kind: str) -> bytes:
    """Encode an array as a file that keeps every pixel.

    Args:
        pixels: As ``read`` gives them.
        kind: ``image/png`` (8 and 16 bits), ``image/tiff`` or ``application/x-npy``.

    Raises:
        UnsupportedImage: The format cannot hold them.
        MissingLibrary: The extra ``images`` is not installed.
    """
    if kind == NPY:
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, pixels, allow_pickle=False)
        return buffer.getvalue()
    if kind == "image/png":
        return _png(pixels)
    return _tiff(pixels)


def _tiff(pixels: npt.NDArray[Any]) -> bytes:
    tifffile = optional("tifffile", extra="images", purpose=_PURPOSE)
    # As the service reads arrays: a last axis of up to 4 holds samples, and of 2 or 4 the last is alpha.
    samples = pixels.shape[-1] if pixels.ndim > 2 and pixels.shape[-1] <= 4 else 1
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        pixels,
        photometric="rgb" if samples > 2 else "minisblack",
        planarconfig="contig" if samples > 1 else None,
        extrasamples=["unassalpha"] if samples in (2, 4) else None,
        metadata=None,
        software=False,
    )
    return buffer.getvalue()


def _png(pixels: npt.NDArray[Any]) -> bytes:
    imagecodecs = optional("imagecodecs", extra="images", purpose=_PURPOSE)
    if pixels.dtype.name not in ("uint8", "uint16") or pixels.ndim > 3:
        raise UnsupportedImage(f"PNG holds one image of 8 or 16 bits, got {pixels.shape} {pixels.dtype}: take .tiff")
    content: bytes = imagecodecs.png_encode(np.ascontiguousarray(pixels))
    return content


def _decode(content: bytes, kind: str) -> Any:
    if kind == "image/tiff":
        tifffile = optional("tifffile", extra="images", purpose=_PURPOSE)
        return tifffile.imread(io.BytesIO(content))
    if kind == "image/png":
        # Pillow would silently cut 16-bit colour to 8 bits.
        return optional("imagecodecs", extra="images", purpose=_PURPOSE).png_decode(content)
    if kind == "application/octet-stream":
        raise UnsupportedImage("expected a PNG, JPEG, WebP, BMP, TIFF or NPY file, got none of them")
    return _eight_bits(content)


def _eight_bits(content: bytes) -> npt.NDArray[Any]:
    """JPEG, WebP and BMP, turned upright as the service turns them."""
    pillow = optional("PIL.Image", extra="images", purpose=_PURPOSE)
    upright = optional("PIL.ImageOps", extra="images", purpose=_PURPOSE).exif_transpose
    with pillow.open(io.BytesIO(content)) as image:
        turned = upright(image)
        return np.asarray(turned if turned.mode in ("L", "RGB", "RGBA") else turned.convert("RGB"))
