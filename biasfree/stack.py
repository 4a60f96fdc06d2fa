"""The conversion of an array with any axes, or of a Pillow image, to frames (H, W, C) and back."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral
from os import PathLike
from typing import Any

import numpy as np

from biasfree.hidden import Mask, without_hidden
from biasfree.pixels import PixelArray, has_equal_channels

PILLOW_MODES = ("L", "LA", "I;16", "F", "RGB", "RGBA")
_WITH_ALPHA = ("LA", "RGBA")
#: Pillow's name of a JPEG followed by further pictures, as cameras and phones write it.
_JPEG_WITH_PREVIEW = "MPO"
_MORE_AXES = "name the axis of channels (channel_axis=-1) and that of a stack (stack_axis=0)"
_FEWER_AXES = "an image needs two axes besides those that are named"


@dataclass(frozen=True)
class Stack:
    """An array as frames (H, W, C).

    Attributes:
        frames: Views of the array, with one channel instead of three if all three are equal.
        equal_channels: True if two channels were left out because R = G = B.
        shape: Shape of the array with all four axes, in the order stack, H, W, C.
        order: The array's own axes in that order.
        stacked: True if it has a stack axis.
        channeled: True if it has a channel axis.
    """

    frames: list[PixelArray]
    equal_channels: bool
    shape: tuple[int, ...]
    order: tuple[int, ...]
    stacked: bool
    channeled: bool

    @classmethod
    def of(cls, image: PixelArray, channel_axis: int | None, stack_axis: int | None) -> "Stack":
        """Split an array.

        Raises:
            ValueError: The axes do not fit the array, it has no pixels, or a pixel is NaN or infinite.
            TypeError: It is not an image, its pixels are neither integers nor floats, or some are masked.
        """
        if image is None or isinstance(image, (str, bytes, PathLike)):
            raise TypeError(
                f"an image is an array or a Pillow image, not {type(image).__name__}: read a file with Pillow first"
            )
        array = np.asarray(image)
        _require_numbers(image, array)
        channel, stack = _counted(channel_axis, array), _counted(stack_axis, array)
        named = [axis for axis in (stack, channel) if axis is not None]
        if len(set(named)) < len(named):
            raise ValueError(
                f"channel_axis={channel_axis} and stack_axis={stack_axis} are the same axis: name two different ones"
            )
        if array.ndim != 2 + len(named):
            raise ValueError(
                f"an array of shape {array.shape} with channel_axis={channel_axis} and stack_axis={stack_axis} has no "
                f"height and width: {_MORE_AXES if array.ndim > 2 + len(named) else _FEWER_AXES}"
            )
        spatial = [axis for axis in range(array.ndim) if axis not in named]
        order = (*([] if stack is None else [stack]), *spatial, *([] if channel is None else [channel]))
        ordered = array.transpose(order)
        ordered = ordered[np.newaxis] if stack is None else ordered
        ordered = ordered[..., np.newaxis] if channel is None else ordered
        frames = list(ordered)
        equal = all(has_equal_channels(frame) for frame in frames)
        shown = [frame[..., :1] for frame in frames] if equal else frames
        return cls(shown, equal, ordered.shape, order, stack is not None, channel is not None)

    @property
    def channels(self) -> int:
        """Return C of the frames."""
        return int(self.frames[0].shape[2])

    def whole_frame(self, index: int) -> PixelArray:
        """Return a frame (H, W, C) with all its channels."""
        return np.broadcast_to(self.frames[index], self.shape[1:])

    def like_input(self, frames: Sequence[PixelArray]) -> PixelArray:
        """Assemble new frames into an array with the axes of the input."""
        stacked = np.stack(frames)
        if stacked.shape != self.shape:
            # Equal channels were denoised as one. A view that cannot be written to, and is copied below.
            stacked = np.broadcast_to(stacked, self.shape)
        stacked = stacked if self.channeled else stacked[..., 0]
        stacked = stacked if self.stacked else stacked[0]
        # np.stack returns native byte order.
        return np.ascontiguousarray(stacked.transpose(np.argsort(self.order)), dtype=frames[0].dtype)


def is_pillow(image: object) -> bool:
    """Tell whether this is a Pillow image, without importing Pillow."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(image, module.Image)


def colors_of(image: Any) -> tuple[PixelArray, int | None]:
    """Return the colors of a Pillow image without alpha, and their channel axis.

    Raises:
        ValueError: Its mode is not in ``PILLOW_MODES``.
    """
    if image.mode not in PILLOW_MODES:
        raise ValueError(
            f"Pillow images of mode {image.mode!r} are not supported: convert to one of {', '.join(PILLOW_MODES)}"
        )
    if "transparency" in image.info:
        raise ValueError("the image has a transparent color: convert it to RGBA (or LA) first")
    if image.format != _JPEG_WITH_PREVIEW and getattr(image, "n_frames", 1) > 1:
        raise ValueError(f"the image has {image.n_frames} frames: read them into an array, and name its stack_axis")
    array = np.asarray(image)
    if image.mode == "LA":
        return array[..., 0], None
    return (array[..., :3], 2) if array.ndim == 3 else (array, None)


def shown_colors_of(image: Any) -> tuple[PixelArray, int | None]:
    """Return what ``colors_of`` does, with pixels of alpha 0 replaced by a continuation of the others."""
    colors, axis = colors_of(image)
    if image.mode not in _WITH_ALPHA:
        return colors, axis
    frame = colors.reshape(*colors.shape[:2], -1)
    return without_hidden(frame, _visible(image)).reshape(colors.shape), axis


def through_array(image: Any, denoise: Callable[[PixelArray, int | None], PixelArray], *, hidden_kept: bool) -> Any:
    """Denoise the colors of a Pillow image; keep its alpha and its info.

    Args:
        image: The image.
        denoise: Maps an array and its channel axis to an array of the same shape.
        hidden_kept: Pixels of alpha 0 keep their colors.
    """
    from PIL import Image

    array = denoise(*shown_colors_of(image))
    if image.mode not in _WITH_ALPHA:
        result = Image.fromarray(array)
    else:
        if hidden_kept:
            visible = _visible(image).reshape(*array.shape[:2], *[1] * (array.ndim - 2))
            array = np.where(visible, array, colors_of(image)[0])
        result = Image.fromarray(array)
        result.putalpha(image.getchannel("A"))
    result.info = dict(image.info)
    return result


def _visible(image: Any) -> Mask:
    """Tell where a Pillow image with alpha is not wholly transparent, (H, W)."""
    return np.asarray(image.getchannel("A")) > 0


def _counted(axis: int | None, array: PixelArray) -> int | None:
    """Return the axis counted from 0."""
    if axis is None:
        return None
    if not isinstance(axis, Integral):
        raise TypeError(f"an axis is a whole number, not {axis!r}")
    if not -array.ndim <= axis < array.ndim:
        raise ValueError(f"an array of shape {array.shape} has no axis {axis}")
    return int(axis) % array.ndim


def _require_numbers(image: object, array: PixelArray) -> None:
    if np.ma.is_masked(image):
        raise TypeError("masked arrays are not supported: fill the masked pixels first")
    if array.dtype.kind == "c":
        raise TypeError("complex pixels are not supported: pass their magnitude, or real and imaginary part one by one")
    if array.dtype.kind not in "iuf":
        raise TypeError(
            f"pixels must be integers or floats, not {array.dtype}: convert them first, as in image.astype('float32')"
        )
    if array.size == 0:
        raise ValueError(f"an array of shape {array.shape} has no pixels")
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):
            # The scale of a frame is a float64, which the largest numbers of longer types exceed.
            finite = np.isfinite(array if array.dtype.itemsize <= 8 else array.astype(np.float64))
        if count := array.size - int(np.count_nonzero(finite)):
            raise ValueError(f"{count} pixels are NaN or infinite: replace them first")
