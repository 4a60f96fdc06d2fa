"""A decoded image, returned by ``decode`` and accepted by ``encode``.

Shape letters: Z frames, H, W, C color channels (1 or 3), S samples (C, plus one with alpha).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from biasfree.hidden import Mask
from biasfree.pixels import PixelArray
from service.imaging.formats import ImageFormat
from service.imaging.metadata import Metadata

INTEGERS = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")
DTYPES = (*INTEGERS, "float16", "float32", "float64")

#: The warning about an animation, whose other frames are left out.
FIRST_FRAME = "only the first frame of the {} was read"


@dataclass(frozen=True)
class Layout:
    """The axes of the input array, so that an NPY is returned in the shape in which it arrived.

    Args:
        stacked: True if it has a first axis Z, even if Z is 1.
        channel_axis: True if it has a last axis S, even if S is 1.
        equal_channels: True if it was RGB with R = G = B, and its frames have one channel for all three.
        order: The array's own axes in the order Z, H, W, S (as far as it has them), if its own order differs.
    """

    stacked: bool = False
    channel_axis: bool = False
    equal_channels: bool = False
    order: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Picture:
    """One image or a stack of them, in native intensities.

    Args:
        frames: Pages (H, W, C), all with one dtype of ``DTYPES`` and one C: 1 for gray, 3 for RGB, otherwise C gray
            images; sizes may differ.
        alpha: The alpha channel (H, W) of each page in the same dtype, or None.
        format: Format of the input.
        metadata: Profile, camera and resolution.
        layout: Axes of the input array.
        warning: What was assumed or left out, in a sentence for the sender; empty if nothing was.
        bit_depth: Bits of the largest intensity, if the file says that unsigned integers do not use all of their dtype.
        with_data: Which pixels (H, W) of each page have data, if the file says that others have none, whatever their
            alpha; empty if all pages have all.

    Raises:
        ValueError: Shapes or dtypes contradict the above.
    """

    frames: tuple[PixelArray, ...]
    alpha: tuple[PixelArray | None, ...]
    format: ImageFormat
    metadata: Metadata = field(default_factory=Metadata)
    layout: Layout = field(default_factory=Layout)
    warning: str = ""
    bit_depth: int | None = None
    with_data: tuple[Mask | None, ...] = ()

    def __post_init__(self) -> None:
        if {frame.ndim for frame in self.frames} != {3} or len({frame.shape[-1] for frame in self.frames}) != 1:
            raise ValueError(f"frames must be (H, W, C) with one C, not {[frame.shape for frame in self.frames]}")
        if len({frame.dtype for frame in self.frames}) > 1 or self.dtype.name not in DTYPES:
            raise ValueError(f"frames must share one dtype of {DTYPES}, not {[frame.dtype for frame in self.frames]}")
        for frame, alpha in zip(self.frames, self.alpha, strict=True):
            if alpha is not None and (alpha.shape != frame.shape[:2] or alpha.dtype != frame.dtype):
                raise ValueError(f"alpha must be {frame.shape[:2]} {frame.dtype}, not {alpha.shape} {alpha.dtype}")

    @property
    def dtype(self) -> np.dtype[Any]:
        """Return the dtype of every frame."""
        return self.frames[0].dtype

    @property
    def channels(self) -> int:
        """Return the number of channels, not counting alpha: 1 for gray, 3 for RGB."""
        return int(self.frames[0].shape[2])

    @property
    def pixels(self) -> int:
        """Return H * W, summed over the frames."""
        return sum(frame.shape[0] * frame.shape[1] for frame in self.frames)

    @property
    def has_alpha(self) -> bool:
        """Tell whether any frame has alpha."""
        return any(alpha is not None for alpha in self.alpha)

    @property
    def uniform(self) -> bool:
        """Tell whether the frames fit in one array: they share one size, and all or none have alpha."""
        pages = zip(self.frames, self.alpha, strict=True)
        return len({(frame.shape, alpha is None) for frame, alpha in pages}) == 1

    def warned(self, *warnings: str) -> "Picture":
        """Return the picture with further warnings; empty ones count for nothing."""
        return replace(self, warning="; ".join(filter(None, (self.warning, *warnings))))

    @property
    def visible(self) -> list[Mask | None]:
        """Return which pixels (H, W) of each frame count; None if all do."""
        pairs = zip(self.alpha, self.with_data or [None] * len(self.alpha), strict=True)
        return [_both(None if alpha is None else alpha > 0, with_data) for alpha, with_data in pairs]

    def samples(self, index: int = 0) -> PixelArray:
        """Return a frame as stored in files: (H, W, S), alpha last; a view unless there is alpha."""
        frame, alpha = self.frames[index], self.alpha[index]
        return frame if alpha is None else np.dstack((frame, alpha))

    def raster(self, index: int = 0) -> PixelArray:
        """Return a frame as image libraries accept it: (H, W) or (H, W, S), contiguous."""
        samples = np.ascontiguousarray(self.samples(index))
        return samples if samples.shape[2] > 1 else samples[..., 0]


def _both(first: Mask | None, second: Mask | None) -> Mask | None:
    """Return where both are true; None is true everywhere."""
    if first is None or second is None:
        return second if first is None else first
    return first & second


def picture_of(
    pages: Sequence[PixelArray],
    format: ImageFormat,
    metadata: Metadata,
    *,
    alpha: Sequence[bool] | None = None,
    warning: str = "",
    bit_depth: int | None = None,
) -> Picture:
    """Return the picture of an image file's pages.

    Args:
        pages: Samples (H, W) or (H, W, S).
        format: The file's format.
        metadata: Its metadata.
        alpha: For each page, whether its last sample is alpha; None if a second or fourth one is.
        warning: As in ``Picture``.
        bit_depth: As in ``Picture``.
    """
    shaped = [page if page.ndim == 3 else page[..., np.newaxis] for page in pages]
    if alpha is None:
        alpha = [page.shape[2] in {2, 4} for page in shaped]
    split = [_split(page, last) for page, last in zip(shaped, alpha, strict=True)]
    layout = Layout(stacked=len(split) > 1, channel_axis=split[0][0].shape[2] > 1)
    frames, alphas = zip(*split, strict=True)
    return Picture(frames, alphas, format, metadata, layout, warning, bit_depth)


def _split(samples: PixelArray, alpha: bool) -> tuple[PixelArray, PixelArray | None]:
    """Split samples (H, W, S) into colors (H, W, C) and alpha (H, W) or None: views, not copies."""
    return (samples[..., :-1], samples[..., -1]) if alpha else (samples, None)


def with_frames(picture: Picture, frames: Sequence[PixelArray]) -> Picture:
    """Return the picture with new pixels, and the same alpha, metadata and layout.

    Args:
        picture: The decoded picture.
        frames: New pages (H, W, C), each the size of the one it replaces.

    Raises:
        ValueError: The number, size or (with alpha) dtype of frames differs.
    """
    for old, new in zip(picture.frames, frames, strict=True):
        if old.shape != new.shape:
            raise ValueError(f"the new frame must be {old.shape}, not {new.shape}")
    return replace(picture, frames=tuple(frames))
