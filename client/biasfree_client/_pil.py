"""Pillow images to arrays and back, without a loss that Pillow itself would not have."""

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

#: Modes whose pixels are an array that the service takes.
_DIRECT = frozenset({"L", "LA", "RGB", "RGBA", "F", "I;16", "I;16L", "I;16B"})
#: Modes that are converted before, and afterwards converted back.
_THERE_AND_BACK = {"CMYK": "RGB", "YCbCr": "RGB", "HSV": "RGB", "RGBX": "RGB", "La": "LA", "RGBa": "RGBA"}
#: Modes with too few colours to hold a denoised image: it comes back in the one that they are converted to.
_WIDENED = {"1": "L", "P": "RGB", "PA": "RGBA"}
_SIXTEEN_BITS = {"I;16": "<u2", "I;16L": "<u2", "I;16B": ">u2"}


@dataclass(frozen=True)
class PilMode:
    """A Pillow image's mode, and its metadata (profile, resolution, EXIF), which stay as they are."""

    mode: str
    info: Mapping[Any, Any] = field(default_factory=dict, repr=False, compare=False)


def pixels_of(image: Image) -> tuple[npt.NDArray[Any], PilMode]:
    """The array of an image, (H, W) or (H, W, C), and the mode in which the result comes back.

    Raises:
        UnsupportedImage: The mode, or a value in it, cannot be sent.
    """
    mode = image.mode
    if mode == "I":
        return _sixteen_bits(np.asarray(image)), PilMode(mode, image.info)
    if mode in _WIDENED:
        wider = "RGBA" if mode == "P" and "transparency" in image.info else _WIDENED[mode]
        return np.asarray(image.convert(wider)), PilMode(wider, _without_transparency(image.info))
    if mode in _THERE_AND_BACK:
        return np.asarray(image.convert(_THERE_AND_BACK[mode])), PilMode(mode, image.info)
    if mode in _DIRECT:
        return np.asarray(image), PilMode(mode, image.info)
    known = sorted({*_DIRECT, *_THERE_AND_BACK, *_WIDENED, "I"})
    raise UnsupportedImage(f"expected a Pillow image of mode {', '.join(known)}, got {mode}")


def image_of(pixels: npt.NDArray[Any], mode: PilMode | None = None) -> Image:
    """A Pillow image of an array.

    Args:
        pixels: (H, W) or (H, W, C).
        mode: Mode to come back to; by default the one that has such pixels.

    Raises:
        UnsupportedImage: Pillow has no mode for them, such as colour of 16 bits.
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
        raise UnsupportedImage(f"Pillow has no mode for {pixels.shape} {pixels.dtype}; take the array") from exc
    return image.convert(wanted) if wanted in _THERE_AND_BACK else image


def _sixteen_bits(pixels: npt.NDArray[Any]) -> npt.NDArray[np.uint16]:
    """Mode I has 32 bits; what is in it came from 16 nearly always, and the service takes no more."""
    if pixels.size and (pixels.min() < 0 or pixels.max() > np.iinfo(np.uint16).max):
        raise UnsupportedImage(f"expected values in 0..65535 in mode I, got {pixels.min()}..{pixels.max()}")
    return pixels.astype(np.uint16)


def _without_transparency(info: Mapping[Any, Any]) -> dict[Any, Any]:
    """The palette's transparent entry is nothing in another mode."""
    return {key: value for key, value in info.items() if key != "transparency"}
