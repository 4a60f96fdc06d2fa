"""Pillow images to arrays and back, with no loss beyond Pillow's own conversions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from biasfree_client._errors import UnsupportedImage
from biasfree_client._extras import optional

if TYPE_CHECKING:
    from PIL.Image import Image

#: Modes whose pixels are an array that the service accepts.
_DIRECT = frozenset({"L", "RGB", "RGBA", "F", "I;16", "I;16L", "I;16B"})
#: Modes that are converted for sending, and converted back afterwards. Two channels would be an ambiguous array.
_THERE_AND_BACK = {
    "CMYK": "RGB",
    "YCbCr": "RGB",
    "HSV": "RGB",
    "RGBX": "RGB",
    "LA": "RGBA",
    "La": "RGBA",
    "RGBa": "RGBA",
}
#: Modes with too few colors for a denoised image: the result has the mode they are converted to.
_WIDENED = {"1": "L", "P": "RGB", "PA": "RGBA"}
_SIXTEEN_BITS = {"I;16": "<u2", "I;16L": "<u2", "I;16B": ">u2"}


@dataclass(frozen=True)
class PilMode:
    """A Pillow image's mode and metadata (profile, resolution, EXIF), which the result keeps."""

    mode: str
    info: Mapping[Any, Any] = field(default_factory=dict, repr=False, compare=False)


def pixels_of(image: Image) -> tuple[npt.NDArray[Any], PilMode]:
    """Return the array of an image, (H, W) or (H, W, C), and the mode of its result.

    Raises:
        UnsupportedImage: The mode is not supported, or a value does not fit 16 bits.
    """
    mode = image.mode
    if mode == "I":
        return _sixteen_bits(np.asarray(image)), PilMode(mode, image.info)
    if mode in {"L", "RGB"} and "transparency" in image.info:
        # A transparent color would move to other pixels with the values.
        alpha = {"L": "LA", "RGB": "RGBA"}[mode]
        return np.asarray(image.convert("RGBA")), PilMode(alpha, _without_transparency(image.info))
    if mode in _WIDENED:
        wider = "RGBA" if mode == "P" and "transparency" in image.info else _WIDENED[mode]
        return np.asarray(image.convert(wider)), PilMode(wider, _without_transparency(image.info))
    if mode in _THERE_AND_BACK:
        return np.asarray(image.convert(_THERE_AND_BACK[mode])), PilMode(mode, image.info)
    if mode in _DIRECT:
        return np.asarray(image), PilMode(mode, image.info)
    known = sorted({*_DIRECT, *_THERE_AND_BACK, *_WIDENED, "I"})
    raise UnsupportedImage(f"Pillow images of mode {mode} are not supported; convert to one of {', '.join(known)}")


def image_of(pixels: npt.NDArray[Any], mode: PilMode | None = None) -> Image:
    """Make a Pillow image of an array.

    Args:
        pixels: (H, W) or (H, W, C).
        mode: Mode to convert back to. Defaults to the one that fits the pixels.

    Raises:
        UnsupportedImage: Pillow has no mode for these pixels, such as 16-bit color.
        MissingLibrary: Pillow is not installed.
    """
    pillow = optional("PIL.Image", extra="images", purpose="a Pillow image")
    image = _plain(pillow, pixels, mode)
    if mode is not None:
        image.info.update(mode.info)
    return image


def _plain(pillow: Any, pixels: npt.NDArray[Any], mode: PilMode | None) -> Image:
    wanted = None if mode is None else mode.mode
    if pixels.ndim == 2 and wanted in _SIXTEEN_BITS and pixels.dtype.kind == "u":
        data = pixels.astype(_SIXTEEN_BITS[wanted]).tobytes()
        sixteen: Image = pillow.frombytes(wanted, pixels.shape[::-1], data)
        return sixteen
    if pixels.dtype == np.float16:
        pixels = pixels.astype(np.float32)
    native = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("="))
    try:
        image: Image = pillow.fromarray(native.astype(np.int32) if wanted == "I" else native)
    except (TypeError, ValueError) as exc:
        raise UnsupportedImage(f"Pillow has no mode for {pixels.dtype} {pixels.shape}; use the array instead") from exc
    return image.convert(wanted) if wanted in _THERE_AND_BACK else image


def _sixteen_bits(pixels: npt.NDArray[Any]) -> npt.NDArray[np.uint16]:
    """Convert mode I from 32 to 16 bits, the most that the service accepts and nearly always all that is in use."""
    if pixels.size and (pixels.min() < 0 or pixels.max() > np.iinfo(np.uint16).max):
        raise UnsupportedImage(
            f"Pillow images of mode I must have values in 0..65535, not {pixels.min()}..{pixels.max()}"
        )
    return pixels.astype(np.uint16)


def _without_transparency(info: Mapping[Any, Any]) -> dict[Any, Any]:
    """Drop the transparent palette entry, which has no meaning in another mode."""
    return {key: value for key, value in info.items() if key != "transparency"}
