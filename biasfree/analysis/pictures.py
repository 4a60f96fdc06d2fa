"""Patches as small pictures: singular vectors and filters with their sign, intensities as they are."""

import io
import math

import numpy as np
from matplotlib import colormaps
from PIL import Image

from biasfree.analysis.report import FloatArray, Report

#: Steps on either side of zero. The total number of colors is odd, so that zero has its own.
STEPS = 127

#: ColorBrewer's blue - white - red (2 STEPS + 1, 3): safe in every common form of color blindness, and -v is as light
#: as v.
DIVERGING = colormaps["RdBu_r"].resampled(2 * STEPS + 1)(np.arange(2 * STEPS + 1), bytes=True)[:, :3]

#: Zero in color pictures: 255 levels lie symmetrically around it.
MID_GRAY = 128


def vector_limit(size_n: int) -> float:
    """Return the value at which pictures of unit vectors saturate, the same for all vectors of a report.

    The values of a unit vector have a root mean square of 1 / sqrt(N). Five times that keeps the waves of the first
    vectors visible and clips only the peaks of vectors that live on a few pixels.

    Args:
        size_n: N, the number of values.
    """
    return min(1.0, 5 / math.sqrt(size_n))


def signed(values: FloatArray, *, limit: float) -> bytes:
    """Draw signed values as a PNG of the patch's size.

    Args:
        values: (C, P, Q). One channel is drawn blue below zero, white at zero and red above; three channels as
            mid-gray plus the value of each channel.
        limit: Absolute value that saturates, > 0.
    """
    return _png(signed_image(values, limit=limit))


def signed_image(values: FloatArray, *, limit: float) -> Image.Image:
    """Return the image of ``signed``: one byte per pixel and a palette for one channel, RGB for three."""
    steps = np.rint(np.clip(values / limit, -1, 1) * STEPS).astype(np.int16)
    if len(values) == 3:
        return Image.fromarray(np.moveaxis(steps + MID_GRAY, 0, 2).astype(np.uint8))
    image = Image.fromarray((steps[0] + STEPS).astype(np.uint8))
    image.putpalette(DIVERGING.tobytes())
    return image


def intensity_range(report: Report) -> tuple[float, float]:
    """Return black and white of a report's patches: the extremes of the clean patch if known, else of the denoised one.

    The extremes of the noisy patch would be noise. A patch of one intensity is mid-gray.
    """
    patch = report.denoised if report.clean is None else report.clean
    low, high = float(patch.min()), float(patch.max())
    if low < high:
        return low, high
    margin = abs(low) or 1.0
    return low - margin, high + margin


def intensities(values: FloatArray, *, black: float, white: float) -> bytes:
    """Draw intensities (C, P, Q) as a gray or RGB PNG of the patch's size, clipped to black and white."""
    return _png(intensity_image(values, black=black, white=white))


def intensity_image(values: FloatArray, *, black: float, white: float) -> Image.Image:
    """Return the image of ``intensities``."""
    unit = np.clip((values.astype(np.float64) - black) / (white - black), 0, 1)
    levels = np.rint(255 * unit).astype(np.uint8)
    return Image.fromarray(levels[0] if len(values) == 1 else np.moveaxis(levels, 0, 2))


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
