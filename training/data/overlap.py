"""Training photographs that show an image of the evaluation set. A hash misses a crop or a re-saved copy.

Set12's starfish is a crop of 256 x 256 pixels from BSDS500's photograph 12003: training on one and measuring on the
other overstates the quality a little.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from skimage import feature  # its modules are loaded when used

from training.data.images import NamedImage, UInt8Image, rescaled

#: Images are compared at the smallest of these scales that leaves a template of ``LEAST_PX``. Small scales are fast and
#: hide compression.
SCALES = (0.125, 0.25, 1.0)
#: Part of each side of a measured image, in the middle, that is the template to search for.
MIDDLE = 0.6
#: Smallest side of a template: smaller ones match other images (correlation 0.79 for 19 pixels).
LEAST_PX = 32
#: Least normalized correlation of the same picture: 0.97 for the starfish. Other images of Set12 reach at most 0.72
#: among the photographs of BSDS500, McMaster's 0.80.
SAME = 0.9

Gray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class _Template:
    """The middle of an image at one of ``SCALES``."""

    scale: float
    pixels: Gray

    @classmethod
    def of(cls, image: NamedImage) -> "_Template | None":
        """Make the smallest template that tells pictures apart; return None if the image is too small for one."""
        for scale in SCALES:
            middle = _middle(_small(image.pixels, scale))
            if min(middle.shape) >= LEAST_PX:
                return cls(scale, middle)
        return None

    def is_in(self, small: Gray) -> bool:
        """Tell whether an image at the same scale shows the template."""
        if any(large < own for large, own in zip(small.shape, self.pixels.shape, strict=True)):
            return False
        return float(feature.match_template(small, self.pixels).max()) >= SAME  # type: ignore[no-untyped-call]  # no types


def overlapping(images: Sequence[NamedImage], measured: Sequence[NamedImage]) -> list[NamedImage]:
    """Find the images that show the middle of a measured one, at the same scale.

    Args:
        images: Photographs to train on.
        measured: Photographs to measure on; those with a side below 54 pixels are ignored.

    Returns:
        The part of ``images`` that must not be trained on.
    """
    templates = [template for each in measured if (template := _Template.of(each)) is not None]

    def shows(image: NamedImage) -> bool:
        small = {scale: _small(image.pixels, scale) for scale in {template.scale for template in templates}}
        return any(template.is_in(small[template.scale]) for template in templates)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [image for image, found in zip(images, pool.map(shows, images), strict=True) if found]


def _middle(image: Gray) -> Gray:
    top, left = (round(side * (1 - MIDDLE) / 2) for side in image.shape)
    return image[top : image.shape[0] - top, left : image.shape[1] - left]


def _small(pixels: UInt8Image, scale: float) -> Gray:
    """Scale an image (H, W, C) uint8 and average its channels."""
    small: Gray = rescaled(pixels, scale).mean(axis=2, dtype=np.float32)
    return small
