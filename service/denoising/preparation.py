"""The preparation of a picture for a denoiser, and the assembly of its result."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from biasfree.frames import FLOAT_WHITE
from biasfree.hidden import Mask, without_hidden
from biasfree.pixels import BitDepthError, PixelArray, intensity_range
from service.denoising.options import DenoiseOptions
from service.errors import InvalidParameter, InvalidPixels
from service.imaging import Picture, all_channels, one_channel, to_gray, to_rgb, with_frames


@dataclass(frozen=True)
class Prepared:
    """A picture in the requested colors, ready for a denoiser.

    Attributes:
        picture: The picture without hidden pixels (alpha 0, or no data), and with one channel if all three are equal.
        original: The same picture with its hidden pixels.
    """

    picture: Picture
    original: Picture

    @classmethod
    def of(cls, picture: Picture, options: DenoiseOptions) -> "Prepared":
        """Prepare a picture; errors as in ``converted``."""
        original = converted(picture, color=options.color, bit_depth=options.bit_depth)
        return cls(one_channel(shown(original)), original)

    def result(self, frames: Sequence[PixelArray], options: DenoiseOptions) -> Picture:
        """Return the picture with denoised frames and its original hidden pixels."""
        if options.changes_nothing(self.original.channels):
            # Colors that were divided by alpha would not be multiplied by it exactly.
            return self.original
        denoised = all_channels(with_frames(self.picture, frames))
        if self.picture.metadata.premultiplied:
            both = zip(denoised.frames, denoised.alpha, strict=True)
            again = tuple(frame if alpha is None else _multiplied(frame, alpha) for frame, alpha in both)
            denoised = replace(denoised, frames=again)
        if options.output != "image":
            return denoised
        pairs = zip(denoised.frames, self.original.frames, self.original.visible, strict=True)
        return replace(denoised, frames=tuple(_with_hidden(*each) for each in pairs))


def shown(picture: Picture) -> Picture:
    """Replace hidden pixels by a continuation of their surroundings; return a picture without any as it is."""
    frames = picture.frames
    if picture.metadata.premultiplied:
        pairs = zip(frames, picture.alpha, strict=True)
        frames = tuple(frame if alpha is None else _straight(frame, alpha) for frame, alpha in pairs)
    both = zip(frames, picture.visible, strict=True)
    return replace(
        picture, frames=tuple(frame if seen is None else without_hidden(frame, seen) for frame, seen in both)
    )


def _opacity(alpha: PixelArray) -> PixelArray:
    """Return alpha as a share of full opacity, (H, W, 1) float64."""
    full = float(intensity_range(alpha.dtype)[1]) if alpha.dtype.kind in "iu" else FLOAT_WHITE
    share: PixelArray = alpha[..., np.newaxis] / np.float64(full)
    return share


def _straight(frame: PixelArray, alpha: PixelArray) -> PixelArray:
    """Divide premultiplied colors by alpha; keep hidden pixels."""
    share = _opacity(alpha)
    values = frame / np.where(share > 0, share, 1)
    return _rounded(values, frame.dtype)


def _multiplied(frame: PixelArray, alpha: PixelArray) -> PixelArray:
    """Undo ``_straight``."""
    return _rounded(frame * _opacity(alpha), frame.dtype)


def _rounded(values: PixelArray, dtype: np.dtype[Any]) -> PixelArray:
    if dtype.kind in "iu":
        values = np.rint(values).clip(*intensity_range(dtype))
    return values.astype(dtype)


def _with_hidden(denoised: PixelArray, original: PixelArray, visible: Mask | None) -> PixelArray:
    if visible is None or visible.all():
        return denoised
    return np.where(visible[..., np.newaxis], denoised, original)


def converted(picture: Picture, *, color: Literal["auto", "gray", "rgb"], bit_depth: int | None) -> Picture:
    """Convert a picture to the requested colors.

    Raises:
        InvalidPixels: A pixel is NaN or infinite.
        InvalidParameter: ``bit_depth`` does not fit the picture's dtype.
    """
    _require_finite(picture)
    if bit_depth is not None and picture.dtype.kind in "iu":
        try:
            intensity_range(picture.dtype, bit_depth)
        except BitDepthError as exc:
            raise InvalidParameter(str(exc), **exc.facts) from exc
        picture = _inverted_within(picture, bit_depth)
    if color == "gray":
        return to_gray(picture)
    return to_rgb(picture) if color == "rgb" else picture


def _inverted_within(picture: Picture, bit_depth: int) -> Picture:
    """Move gray whose white was 0 down to ``bit_depth``, if it was inverted in more bits: white is the last value."""
    inverted = picture.metadata.inverted_bits
    if inverted is None or inverted <= bit_depth:
        return picture
    beyond = picture.dtype.type((1 << inverted) - (1 << bit_depth))
    return with_frames(picture, [np.maximum(frame, beyond) - beyond for frame in picture.frames])


def _require_finite(picture: Picture) -> None:
    """Refuse pictures with NaN or infinite samples, unless these are without data; integer pictures need no check.

    Raises:
        InvalidPixels: ``facts`` has ``count`` (samples that are not finite) and ``frame`` (the first with one).
    """
    if picture.dtype.kind != "f":
        return
    data = picture.with_data or [None] * len(picture.frames)
    counts = [_not_finite(frame, with_data) for frame, with_data in zip(picture.frames, data, strict=True)]
    if any(counts):
        frame = next(index for index, count in enumerate(counts) if count)
        raise InvalidPixels(
            f"{sum(counts)} samples are NaN or infinite, the first in frame {frame}: replace them first",
            count=sum(counts),
            frame=frame,
        )


def _not_finite(frame: PixelArray, with_data: Mask | None) -> int:
    """Return the number of samples that are NaN or infinite, although their pixels have data."""
    finite = np.isfinite(frame)
    if with_data is not None:
        finite |= ~with_data[..., np.newaxis]
    return frame.size - int(np.count_nonzero(finite))
