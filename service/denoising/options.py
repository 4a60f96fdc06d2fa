"""The options of ``/denoise``, and the conversion of a picture that they ask for."""

from typing import Literal

import numpy as np
from pydantic import Field

from biasfree import options
from biasfree.pixels import BitDepthError, intensity_range
from service.errors import InvalidParameter, InvalidPixels
from service.imaging import Picture, to_gray, to_rgb

#: ``model=auto`` is the same as no model: the image decides between the defaults.
AUTO = "auto"


class DenoiseOptions(options.DenoiseOptions):
    """The options of ``/denoise``."""

    format: Literal["auto", "png", "jpeg", "webp", "bmp", "tiff", "npy"] = Field(
        default="auto",
        description="Format of the answer. `auto` follows `Accept`, then the input's format.",
    )
    color: Literal["auto", "gray", "rgb"] = Field(
        default="auto",
        description="Convert first. `gray` also reads every three-dimensional NPY array as a stack of gray images.",
    )
    model: str | None = Field(
        default=None,
        description="Name of a model, see `/models`. Without it, or with `auto`, the image decides.",
        examples=["gray"],
    )


def converted(picture: Picture, *, color: Literal["auto", "gray", "rgb"], bit_depth: int | None) -> Picture:
    """Convert a picture to the colors asked for.

    Raises:
        InvalidPixels: A pixel is NaN or infinite.
        InvalidParameter: ``bit_depth`` does not fit the picture's dtype.
    """
    _require_finite(picture)
    if color == "gray":
        picture = to_gray(picture)
    elif color == "rgb":
        picture = to_rgb(picture)
    if bit_depth is not None and picture.dtype.kind in "iu":
        try:
            intensity_range(picture.dtype, bit_depth)
        except BitDepthError as exc:
            raise InvalidParameter(str(exc), **exc.facts) from exc
    return picture


def _require_finite(picture: Picture) -> None:
    """Refuse NaN and infinity; integer pictures cost nothing.

    Raises:
        InvalidPixels: ``facts`` has ``count`` (samples that are not finite) and ``frame`` (the first with one).
    """
    if picture.dtype.kind != "f":
        return
    counts = [frame.size - int(np.count_nonzero(np.isfinite(frame))) for frame in picture.frames]
    if any(counts):
        frame = next(index for index, count in enumerate(counts) if count)
        raise InvalidPixels(
            f"expected finite pixels, got {sum(counts)} that are NaN or infinite, the first in frame {frame}",
            count=sum(counts),
            frame=frame,
        )
