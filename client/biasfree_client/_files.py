"""Image files to arrays and back without loss, including 16-bit color, floats and multi-page files."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from biasfree_client._errors import UnexpectedResponse, UnsupportedImage
from biasfree_client._extras import optional
from biasfree_client._formats import NPY, UNKNOWN, Format, media_type
from biasfree_client._image import decode_array, encode_array

#: Exceptions that the three codec libraries raise for damaged or foreign files.
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
_PURPOSE = "opening or writing an image file"


def read(content: bytes) -> npt.NDArray[Any]:
    """Decode an image file: (H, W) or (H, W, C); (Z, H, W) or (Z, H, W, C) if it has several pages.

    Raises:
        UnsupportedImage: The bytes are not an image of a supported format.
        UnexpectedResponse: They are a damaged NPY file.
        MissingLibrary: The extra ``images`` is not installed.
    """
    kind = media_type(content)
    if kind == NPY:
        return decode_array(content)
    try:
        pixels = np.asarray(_decode(content, kind))
    except _CODEC_ERRORS as exc:
        raise UnsupportedImage(f"Damaged or incomplete {kind} file ({len(content)} bytes)") from exc
    if not pixels.size:
        raise UnsupportedImage(f"The {kind} file has no pixels")
    return pixels


def read_result(content: bytes) -> npt.NDArray[Any]:
    """Decode an image file that the service returned.

    Raises:
        UnexpectedResponse: It is not an image.
        MissingLibrary: The extra ``images`` is not installed.
    """
    try:
        return read(content)
    except UnsupportedImage as exc:
        raise UnexpectedResponse(str(exc)) from exc


def write(pixels: npt.NDArray[Any], kind: str) -> bytes:
    """Encode an array as a file that keeps every pixel.

    Args:
        pixels: An array as ``read`` returns it.
        kind: Media type: ``image/png`` (8 and 16 bits), ``image/tiff`` or ``application/x-npy``.

    Raises:
        UnsupportedImage: The format cannot hold these pixels.
        MissingLibrary: The extra ``images`` is not installed.
    """
    if kind == NPY:
        return encode_array(pixels)
    if kind == Format.PNG.media_type:
        return _png(pixels)
    return _tiff(pixels)


def _tiff(pixels: npt.NDArray[Any]) -> bytes:
    tifffile = optional("tifffile", extra="images", purpose=_PURPOSE)
    # The service's rule for arrays: a last axis of at most 4 holds samples; of 2 or 4, the last is alpha.
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
        raise UnsupportedImage(
            f"PNG holds one image of 8 or 16 bits per channel, not {pixels.dtype} {pixels.shape}; write .tiff instead"
        )
    content: bytes = imagecodecs.png_encode(np.ascontiguousarray(pixels))
    return content


def _decode(content: bytes, kind: str) -> Any:
    if kind == Format.TIFF.media_type:
        tifffile = optional("tifffile", extra="images", purpose=_PURPOSE)
        return tifffile.imread(io.BytesIO(content))
    if kind == Format.PNG.media_type:
        # Pillow would silently cut 16-bit color to 8 bits.
        return optional("imagecodecs", extra="images", purpose=_PURPOSE).png_decode(content)
    if kind == UNKNOWN:
        raise UnsupportedImage(f"Not an image file of a supported format: {', '.join(Format)}")
    return _eight_bits(content)


def _eight_bits(content: bytes) -> npt.NDArray[Any]:
    """Decode JPEG, WebP or BMP and turn it upright by its EXIF orientation, as the service does."""
    pillow = optional("PIL.Image", extra="images", purpose=_PURPOSE)
    upright = optional("PIL.ImageOps", extra="images", purpose=_PURPOSE).exif_transpose
    with pillow.open(io.BytesIO(content)) as image:
        turned = upright(image)
        return np.asarray(turned if turned.mode in ("L", "RGB", "RGBA") else turned.convert("RGB"))
