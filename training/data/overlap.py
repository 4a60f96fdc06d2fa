"""Photographs that show what is measured on: the same picture cut, or saved again, has another hash.

Set12's starfish is 256 x 256 pixels of BSDS500's photograph 12003: who trains on the one and measures on the other
flatters the network a little.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from skimage.feature import match_template

from training.data.images import NamedImage, UInt8Image, rescaled

#: Compared at one of these scales, the least that leaves a template of ``LEAST_PX``: fast, and blind to compression.
SCALES = (0.125, 0.25, 1.0)
#: The middle of a measured image, along each side: the template that is looked for.
MIDDLE = 0.6
#: Side of the least template: smaller ones are found where they are not (0.79 for 19 pixels).
LEAST_PX = 32
#: Normalised correlation from which on two are the same: 0.97 for the starfish; others of Set12 reach 0.72 among the
#: photographs of BSDS500, McMaster's 0.80.
SAME = 0.9

Gray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class _Template:
    """The middle of an image at one of ``SCALES``."""

    scale: float
    pixels: Gray

    @classmethod
    def of(cls, image: NamedImage) -> "_Template | None":
        """The smallest that is large enough to tell pictures apart; None of an image that is smaller than that."""
        for scale in SCALES:
            middle = _middle(_small(image.pixels, scale))
            if min(middle.shape) >= LEAST_PX:
                return cls(scale, middle)
        return None

    def is_in(self, small: Gray) -> bool:
        """Whether an image of the same scale shows it."""
        if any(large < own for large, own in zip(small.shape, self.pixels.shape, strict=True)):
            return False
        return float(match_template(small, self.pixels).max()) >= SAME  # type: ignore[no-untyped-call]  # no types


def overlapping(images: Sequence[NamedImage], measured: Sequence[NamedImage]) -> list[NamedImage]:
    """The images that show the middle of a measured one, at the same scale.

    Args:
        images: Photographs to train on.
        measured: Photographs to measure on; those below 54 pixels a side are not looked for.

    Returns:
        Those of ``images`` that must not be trained on.
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
    """(H, W, C) uint8 as a gray image; colours count alike."""
    small: Gray = rescaled(pixels, scale).mean(axis=2, dtype=np.float32)
    return small
