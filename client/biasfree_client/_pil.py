"""Pillow images to arrays and back, with no loss beyond Pillow's own conversions."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from biasfree_client._errors import UnsupportedImage
from biasfree_client._extras import optional
from biasfree_client._formats import Format
from biasfree_client._raster import without_ink

if TYPE_CHECKING:
    from PIL.Image import Image

_SIXTEEN_BITS = {"I;16": "<u2", "I;16L": "<u2", "I;16B": ">u2"}
_GRAY = frozenset({"L", "LA", "La", "F", "I", *_SIXTEEN_BITS})
#: Modes whose pixels are an array that the service accepts.
_DIRECT = frozenset({"L", "LA", "RGB", "RGBA", "F", *_SIXTEEN_BITS})
#: Modes that are converted for sending, and converted back afterwards.
_THERE_AND_BACK = {"YCbCr": "RGB", "HSV": "RGB", "RGBX": "RGB", "La": "LA", "RGBa": "RGBA"}
#: A mode that is converted for sending, and not back: Pillow would leave its black plate empty.
INK = "CMYK"
#: Modes with too few colors for a denoised image: the result has the mode they are converted to.
_WIDENED = {"1": "L", "P": "RGB", "PA": "RGBA"}
#: Media type -> Pillow's name of the format; its class is used directly because ``Image.open`` would enforce Pillow's
#: limit of pixels.
_PLUGINS = {
    Format.PNG.media_type: "Png",
    Format.JPEG.media_type: "Jpeg",
    Format.WEBP.media_type: "WebP",
    Format.BMP.media_type: "Bmp",
    Format.TIFF.media_type: "Tiff",
}
_PURPOSE = "a Pillow image"
#: Pillow's name of a JPEG followed by further pictures, as cameras and phones write it.
_JPEG_WITH_PREVIEW = "MPO"


@dataclass(frozen=True)
class PilMode:
    """A Pillow image's mode and metadata, which the result keeps.

    Args:
        mode: Mode of the result.
        info: Metadata: profile, resolution, EXIF.
        original: A copy of the image if the array that is sent is not exactly its pixels.
    """

    mode: str
    info: Mapping[Any, Any] = field(default_factory=dict, repr=False, compare=False)
    original: Image | None = field(default=None, repr=False, compare=False)

    def unchanged(self, pixels: npt.NDArray[Any]) -> Image | None:
        """Return the original if these pixels are the ones that were sent for it; None for any others."""
        if self.original is None or not np.array_equal(pixels, _converted(self.original)):
            return None
        return self.original.copy()

    def info_for(self, mode: str) -> Mapping[Any, Any]:
        """Return the metadata for an image of a mode, without a color profile of other colors."""
        if self.mode != INK and (self.mode in _GRAY) == (mode in _GRAY):
            return self.info
        return _without("icc_profile", self.info)


def pixels_of(image: Image) -> tuple[npt.NDArray[Any], PilMode]:
    """Return the array of an image, (H, W) or (H, W, C), and the mode of its result.

    Raises:
        UnsupportedImage: The mode is not supported, a value does not fit 16 bits, or there are several frames.
    """
    if image.format != _JPEG_WITH_PREVIEW and getattr(image, "n_frames", 1) > 1:
        raise UnsupportedImage(
            f"the image has {image.n_frames} frames: pass its file, an array of all of them, or a copy() of one"  # type: ignore[attr-defined]
        )
    mode = image.mode
    if mode == "I":
        return _sixteen_bits(np.asarray(image)), PilMode(mode, image.info)
    if mode in {"L", "RGB"} and "transparency" in image.info:
        # A transparent color would move to other pixels with the values.
        alpha = {"L": "LA", "RGB": "RGBA"}[mode]
        return np.asarray(image.convert(alpha)), PilMode(alpha, _without("transparency", image.info))
    if mode in _WIDENED:
        wider = "RGBA" if mode == "P" and "transparency" in image.info else _WIDENED[mode]
        # The transparent entry of a palette has no meaning in another mode.
        return np.asarray(image.convert(wider)), PilMode(wider, _without("transparency", image.info))
    if mode in {INK, *_THERE_AND_BACK}:
        return _converted(image), PilMode(mode, image.info, image.copy())
    if mode in _DIRECT:
        return np.asarray(image), PilMode(mode, image.info)
    known = sorted({*_DIRECT, *_THERE_AND_BACK, *_WIDENED, INK, "I"})
    raise UnsupportedImage(f"Pillow images of mode {mode} are not supported; convert to one of {', '.join(known)}")


def axes_of(pixels: npt.NDArray[Any]) -> str:
    """Return the axes of an array from ``pixels_of``, as the service names them: A has alpha as its last sample."""
    return "YX" if pixels.ndim == 2 else "YXC" if pixels.shape[2] == 3 else "YXA"


def image_of(pixels: npt.NDArray[Any], mode: PilMode | None = None) -> Image:
    """Make a Pillow image of an array.

    Args:
        pixels: (H, W) or (H, W, C).
        mode: Mode to convert back to. Defaults to the one that fits the pixels.

    Raises:
        UnsupportedImage: Pillow has no mode for these pixels, such as 16-bit color.
        MissingLibrary: Pillow is not installed.
    """
    pillow = optional("PIL.Image", extra="images", purpose=_PURPOSE)
    if mode is None:
        return _plain(pillow, pixels, None)
    if (original := mode.unchanged(pixels)) is not None:
        return original
    image = _plain(pillow, pixels, mode.mode)
    image.info.update(mode.info_for(image.mode))
    return image


def info_of(content: bytes, media_type: str) -> Mapping[Any, Any]:
    """Return the metadata that ``Image.open`` gives to an image file; none for a file that Pillow does not open."""
    if media_type not in _PLUGINS:
        return {}
    name = _PLUGINS[media_type]
    plugin = optional(f"PIL.{name}ImagePlugin", extra="images", purpose=_PURPOSE)
    try:
        with getattr(plugin, f"{name}ImageFile")(io.BytesIO(content)) as image:
            return dict(image.info)
    except (OSError, SyntaxError, ValueError):
        return {}


def _plain(pillow: Any, pixels: npt.NDArray[Any], wanted: str | None) -> Image:
    if pixels.dtype == np.float16:
        pixels = pixels.astype(np.float32)
    native = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("="))
    if native.ndim == 2 and native.dtype == np.uint16:
        if wanted in _SIXTEEN_BITS:
            data = native.astype(_SIXTEEN_BITS[wanted]).tobytes()
            sixteen: Image = pillow.frombytes(wanted, native.shape[::-1], data)
            return sixteen
        native = native.astype(np.int32) if wanted == "I" else native
    try:
        image: Image = pillow.fromarray(native)
    except (TypeError, ValueError) as exc:
        raise UnsupportedImage(f"Pillow has no mode for {pixels.dtype} {pixels.shape}; use the array instead") from exc
    # With color=gray, for example, the result has another mode than the image that was sent.
    return image.convert(wanted) if wanted and image.mode == _THERE_AND_BACK.get(wanted) else image


def _converted(image: Image) -> npt.NDArray[Any]:
    """Return the pixels that are sent for an image of a mode that the service does not take."""
    if image.mode == INK:
        return without_ink(np.asarray(image), image.info.get("icc_profile"))
    return np.asarray(image.convert(_THERE_AND_BACK[image.mode]))


def _sixteen_bits(pixels: npt.NDArray[Any]) -> npt.NDArray[np.uint16]:
    """Convert mode I from 32 to 16 bits, the most that the service accepts and nearly always all that is in use."""
    if pixels.size and (pixels.min() < 0 or pixels.max() > np.iinfo(np.uint16).max):
        raise UnsupportedImage(
            f"Pillow images of mode I must have values in 0..65535, not {pixels.min()}..{pixels.max()}"
        )
    return pixels.astype(np.uint16)


def _without(name: str, info: Mapping[Any, Any]) -> dict[Any, Any]:
    return {key: value for key, value in info.items() if key != name}
