"""A decoded image: what ``decode`` returns and ``encode`` takes.

Shape letters: Z frames, H, W, C colour channels (1 or 3), S samples (C, and one more with alpha).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from biasfree.pixels import PixelArray
from service.imaging.formats import ImageFormat
from service.imaging.metadata import Metadata

DTYPES = ("uint8", "uint16", "int16", "float16", "float32", "float64")


@dataclass(frozen=True)
class Layout:
    """How the array looked from outside, so that an NPY goes back in the shape it came in.

    Args:
        stacked: It has a first axis Z, even if Z is 1.
        channel_axis: It has a last axis S, even if S is 1.
        equal_channels: It was RGB with R = G = B, and its frames hold one channel for all three.
    """

    stacked: bool = False
    channel_axis: bool = False
    equal_channels: bool = False


@dataclass(frozen=True)
class Picture:
    """One image or a stack of them, in native intensities.

    Args:
        frames: Pages (H, W, C), all of one dtype of ``DTYPES`` and one C of 1 (gray) or 3 (RGB); sizes may differ.
        alpha: For each page its transparency (H, W) in the same dtype, or None.
        format: What it was decoded from.
        metadata: Profile, camera and resolution.
        layout: Which axes the array had.

    Raises:
        ValueError: Shapes or dtypes contradict the above.
    """

    frames: tuple[PixelArray, ...]
    alpha: tuple[PixelArray | None, ...]
    format: ImageFormat
    metadata: Metadata = field(default_factory=Metadata)
    layout: Layout = field(default_factory=Layout)

    def __post_init__(self) -> None:
        if {(frame.ndim, frame.shape[-1]) for frame in self.frames} not in ({(3, 1)}, {(3, 3)}):
            raise ValueError(f"expected frames (H, W, 1) or (H, W, 3), got {[frame.shape for frame in self.frames]}")
        if len({frame.dtype for frame in self.frames}) > 1 or self.dtype.name not in DTYPES:
            raise ValueError(f"expected one dtype of {DTYPES}, got {[frame.dtype for frame in self.frames]}")
        for frame, alpha in zip(self.frames, self.alpha, strict=True):
            if alpha is not None and (alpha.shape != frame.shape[:2] or alpha.dtype != frame.dtype):
                raise ValueError(f"expected alpha {frame.shape[:2]} {frame.dtype}, got {alpha.shape} {alpha.dtype}")

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of every frame."""
        return self.frames[0].dtype

    @property
    def channels(self) -> int:
        """1 for gray, 3 for RGB; alpha is not counted."""
        return int(self.frames[0].shape[2])

    @property
    def pixels(self) -> int:
        """H * W, summed over the frames."""
        return sum(frame.shape[0] * frame.shape[1] for frame in self.frames)

    @property
    def has_alpha(self) -> bool:
        """Whether any frame has transparency."""
        return any(alpha is not None for alpha in self.alpha)

    @property
    def uniform(self) -> bool:
        """Whether all frames have one size, and all or none of them alpha: whether they fit into one array."""
        pages = zip(self.frames, self.alpha, strict=True)
        return len({(frame.shape, alpha is None) for frame, alpha in pages}) == 1

    def samples(self, index: int = 0) -> PixelArray:
        """One frame as files hold it: (H, W, S), alpha last; a view unless there is alpha."""
        frame, alpha = self.frames[index], self.alpha[index]
        return frame if alpha is None else np.dstack((frame, alpha))

    def raster(self, index: int = 0) -> PixelArray:
        """One frame as image libraries take it: (H, W) or (H, W, S), contiguous."""
        samples = np.ascontiguousarray(self.samples(index))
        return samples if samples.shape[2] > 1 else samples[..., 0]


def picture_of(pages: Sequence[PixelArray], format: ImageFormat, metadata: Metadata) -> Picture:
    """The picture of an image file's pages.

    Args:
        pages: Samples (H, W) or (H, W, S) with S from 1 to 4; a second or fourth sample is alpha.
        format: The file's format.
        metadata: What else it held.
    """
    split = [split_alpha(page if page.ndim == 3 else page[..., np.newaxis]) for page in pages]
    layout = Layout(stacked=len(split) > 1, channel_axis=split[0][0].shape[2] > 1)
    return Picture(tuple(frame for frame, _ in split), tuple(alpha for _, alpha in split), format, metadata, layout)


def split_alpha(samples: PixelArray) -> tuple[PixelArray, PixelArray | None]:
    """Colours (H, W, C) and alpha (H, W) or None of samples (H, W, S): views, not copies."""
    return (samples[..., :-1], samples[..., -1]) if samples.shape[2] in {2, 4} else (samples, None)


def with_frames(picture: Picture, frames: Sequence[PixelArray]) -> Picture:
    """The same picture with new pixels; alpha, metadata and layout stay.

    Args:
        picture: The picture that was decoded.
        frames: New pages (H, W, C), each of the size of the one it replaces.

    Raises:
        ValueError: The number, size or (beside alpha) dtype of frames differs.
    """
    for old, new in zip(picture.frames, frames, strict=True):
        if old.shape != new.shape:
            raise ValueError(f"expected a frame {old.shape}, got {new.shape}")
    return replace(picture, frames=tuple(frames))
