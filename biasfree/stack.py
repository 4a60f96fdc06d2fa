"""An array of any axes, or a Pillow image, as frames (H, W, C), and back."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from biasfree.pixels import PixelArray

PILLOW_MODES = ("L", "LA", "I;16", "F", "RGB", "RGBA")


@dataclass(frozen=True)
class Stack:
    """An array as frames (H, W, C).

    Attributes:
        frames: Views of the array; one channel of three where all are equal.
        equal_channels: Whether two channels were left out, since R = G = B.
        shape: Of the array with its axes in the order stack, H, W, C, each of which it then has.
        order: The array's own axes in that order.
        stacked: Whether it has an axis of a stack.
        channeled: Whether it has an axis of channels.
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
            ValueError: The axes do not fit the array, it has no pixels, or one of them is NaN or infinite.
            TypeError: The pixels are neither integers nor floats, or some are masked.
        """
        array = np.asarray(image)
        _require_numbers(image, array)
        channel, stack = _counted(channel_axis, array), _counted(stack_axis, array)
        named = [axis for axis in (stack, channel) if axis is not None]
        if array.ndim != 2 + len(named) or len(set(named)) < len(named):
            raise ValueError(
                f"cannot tell height and width in an array of shape {array.shape} with channel_axis={channel_axis} and "
                f"stack_axis={stack_axis}: name each further axis"
            )
        spatial = [axis for axis in range(array.ndim) if axis not in named]
        order = (*([] if stack is None else [stack]), *spatial, *([] if channel is None else [channel]))
        ordered = array.transpose(order)
        ordered = ordered[np.newaxis] if stack is None else ordered
        ordered = ordered[..., np.newaxis] if channel is None else ordered
        frames = list(ordered)
        equal = ordered.shape[-1] == 3 and all(_equal_channels(frame) for frame in frames)
        shown = [frame[..., :1] for frame in frames] if equal else frames
        return cls(shown, equal, ordered.shape, order, stack is not None, channel is not None)

    @property
    def channels(self) -> int:
        """C of the frames."""
        return int(self.frames[0].shape[2])

    def whole_frame(self, index: int) -> PixelArray:
        """Return a frame (H, W, C) with all its channels."""
        return np.broadcast_to(self.frames[index], self.shape[1:])

    def like_input(self, frames: Sequence[PixelArray]) -> PixelArray:
        """Put new frames together as the array was."""
        stacked = np.broadcast_to(np.stack(frames), self.shape)
        stacked = stacked if self.channeled else stacked[..., 0]
        stacked = stacked if self.stacked else stacked[0]
        # np.stack gives native byte order.
        return np.ascontiguousarray(stacked.transpose(np.argsort(self.order)), dtype=frames[0].dtype)


def is_pillow(image: object) -> bool:
    """Tell whether this is a Pillow image, without importing Pillow."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(image, module.Image)


def colors_of(image: Any) -> tuple[PixelArray, int | None]:
    """Return the colors of a Pillow image without alpha, and their axis of channels.

    Raises:
        ValueError: Its mode is none of ``PILLOW_MODES``.
    """
    if image.mode not in PILLOW_MODES:
        raise ValueError(
            f"Pillow images of mode {image.mode!r} are not supported: convert to one of {', '.join(PILLOW_MODES)}"
        )
    array = np.asarray(image)
    if image.mode == "LA":
        return array[..., 0], None
    return (array[..., :3], 2) if array.ndim == 3 else (array, None)


def through_array(image: Any, denoise: Callable[[PixelArray, int | None], PixelArray]) -> Any:
    """Denoise a Pillow image's colors; alpha stays, and what else Pillow knows of it."""
    from PIL import Image

    result = Image.fromarray(denoise(*colors_of(image)))
    if image.mode in ("LA", "RGBA"):
        result.putalpha(image.getchannel("A"))
    result.info = dict(image.info)
    return result


def _counted(axis: int | None, array: PixelArray) -> int | None:
    """Count an axis from 0."""
    if axis is None:
        return None
    if not -array.ndim <= axis < array.ndim:
        raise ValueError(f"there is no axis {axis} in an array of shape {array.shape}")
    return axis % array.ndim


def _equal_channels(frame: PixelArray) -> bool:
    first = frame[..., 0]
    return np.array_equal(first, frame[..., 1]) and np.array_equal(first, frame[..., 2])


def _require_numbers(image: object, array: PixelArray) -> None:
    if isinstance(image, np.ma.MaskedArray):
        raise TypeError("masked arrays are not supported: fill the masked pixels first")
    if array.dtype.kind not in "iuf":
        raise TypeError(f"pixels must be integers or floats, not {array.dtype}")
    if array.size == 0:
        raise ValueError(f"an array of shape {array.shape} has no pixels")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        count = array.size - int(np.count_nonzero(np.isfinite(array)))
        raise ValueError(f"{count} pixels are NaN or infinite: replace them first")
