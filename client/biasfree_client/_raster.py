"""The pixels of PNG, JPEG, WebP and BMP files, by the rules of the service: upright, gray or RGB, with alpha if any."""

import io
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from biasfree_client._errors import UnsupportedImage
from biasfree_client._extras import optional
from biasfree_client._upright import upright

Pixels = npt.NDArray[Any]

ORIENTATION = 274
EXIF_PREFIX = b"Exif\0\0"
PNG_SIGNATURE_BYTES, RIFF_BYTES = 8, 12
PALETTE = 3
ANIMATED = 0x02
_PURPOSE = "opening or writing an image file"


def read_png(content: bytes) -> Pixels:
    """Decode a PNG of any depth: a palette becomes RGB, or gray if all its colors are gray; 1 to 4 bits become 8.

    Pillow would silently cut 16-bit color to 8 bits.

    Raises:
        UnsupportedImage: It is animated.
    """
    chunks = _first_of_each(_png_chunks(content))
    if b"acTL" in chunks:
        raise UnsupportedImage("An animated PNG is not supported")
    samples: Pixels = optional("imagecodecs", extra="images", purpose=_PURPOSE).png_decode(content)
    if chunks.get(b"IHDR", b"")[9:10] == bytes([PALETTE]) and _all_gray(chunks[b"PLTE"]):
        samples = samples[..., 2:] if samples.shape[2] == 4 else samples[..., 2]
    return upright(samples, _orientation(chunks.get(b"eXIf")))


def read_jpeg(content: bytes) -> Pixels:
    """Decode the first image of a JPEG file. CMYK becomes sRGB.

    The plugin's class is used directly because ``Image.open`` would enforce Pillow's limit of pixels.
    """
    plugin = optional("PIL.JpegImagePlugin", extra="images", purpose=_PURPOSE)
    with plugin.JpegImageFile(io.BytesIO(content)) as image:
        if image.mode not in {"L", "RGB", "CMYK"}:
            raise UnsupportedImage(f"JPEG files of mode {image.mode} are not supported")
        samples = np.asarray(image)
        if image.mode == "CMYK":
            samples = without_ink(samples, image.info.get("icc_profile"))
        return upright(samples, _orientation(image.info.get("exif")))


def read_webp(content: bytes) -> Pixels:
    """Decode a still WebP to RGB, with alpha if it has any.

    Raises:
        UnsupportedImage: It is animated.
    """
    chunks = _first_of_each(_riff_chunks(content))
    if chunks.get(b"VP8X", b"\0")[0] & ANIMATED:
        raise UnsupportedImage("An animated WebP is not supported")
    samples: Pixels = optional("imagecodecs", extra="images", purpose=_PURPOSE).webp_decode(content)
    return upright(samples, _orientation(chunks.get(b"EXIF")))


def read_bmp(content: bytes) -> Pixels:
    """Decode a BMP: a palette becomes RGB, 1 bit becomes 8, and a constant alpha, which is padding, is dropped."""
    plugin = optional("PIL.BmpImagePlugin", extra="images", purpose=_PURPOSE)
    with plugin.BmpImageFile(io.BytesIO(content)) as image:
        samples = np.asarray(image.convert({"1": "L", "P": "RGB"}.get(image.mode, image.mode)))
    if samples.ndim == 3 and samples.shape[2] == 4 and samples[..., 3].min() == samples[..., 3].max():
        return samples[..., :3]
    return samples


def without_ink(ink: Pixels, icc: bytes | None) -> Pixels:
    """Convert CMYK inks (H, W, 4) to sRGB (H, W, 3), both uint8; by the press profile if there is a sound one."""
    pillow = optional("PIL.Image", extra="images", purpose=_PURPOSE)
    image = pillow.fromarray(np.ascontiguousarray(ink), mode="CMYK")
    if icc is not None and len(icc) >= 128 and icc[36:40] == b"acsp" and icc[16:20] == b"CMYK":
        cms = optional("PIL.ImageCms", extra="images", purpose=_PURPOSE)
        try:
            press = cms.ImageCmsProfile(io.BytesIO(icc))
            converted = cms.profileToProfile(image, press, cms.createProfile("sRGB"), outputMode="RGB")
        except (cms.PyCMSError, OSError):
            converted = None
        if converted is not None:
            return np.asarray(converted)
    return np.asarray(image.convert("RGB"))


def _orientation(block: bytes | None) -> int:
    """Read the orientation of an EXIF block; a damaged block is no reason to refuse intact pixels."""
    if not block:
        return 1
    found = optional("PIL.Image", extra="images", purpose=_PURPOSE).Exif()
    try:
        found.load(EXIF_PREFIX + block.removeprefix(EXIF_PREFIX))
        return int(found.get(ORIENTATION, 1))
    except (OSError, SyntaxError, ValueError, TypeError, LookupError, struct.error):
        return 1


def _first_of_each(chunks: Iterator[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for kind, payload in chunks:
        found.setdefault(kind, payload)
    return found


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    start = PNG_SIGNATURE_BYTES
    while start + 8 <= len(content):
        size, kind = struct.unpack(">I4s", content[start : start + 8])
        yield kind, b"" if kind == b"IDAT" else content[start + 8 : start + 8 + size]
        start += 8 + size + 4


def _riff_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    start = RIFF_BYTES
    while start + 8 <= len(content):
        kind, size = struct.unpack("<4sI", content[start : start + 8])
        yield kind, content[start + 8 : start + 8 + (size if kind == b"EXIF" else min(size, 10))]
        start += 8 + size + size % 2


def _all_gray(palette: bytes) -> bool:
    entries = np.frombuffer(palette, np.uint8).reshape(-1, 3)
    return bool((entries == entries[:, :1]).all())
