"""Geometric self-ensemble: the mean of a network's results on an image that was turned and mirrored.

Timofte, Rothe and Van Gool 2016, "Seven ways to improve example-based single image super resolution". A network treats
the eight orientations of an image slightly differently, and the mean of its results is closer to the clean image. The
mean of bias-free networks is homogeneous, too.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from biasfree.options import EnsembleSize
from biasfree.pixels import FloatArray


@dataclass(frozen=True)
class Orientation:
    """A rotation by quarter turns, after a transposition if ``transposed``."""

    quarters: int
    transposed: bool

    def of(self, image: FloatArray) -> FloatArray:
        """Turn an image (C, H, W)."""
        turned: FloatArray = np.rot90(image.swapaxes(1, 2) if self.transposed else image, self.quarters, axes=(1, 2))
        return turned

    def undo(self, turned: FloatArray) -> FloatArray:
        """Turn an image (C, H, W) back."""
        image: FloatArray = np.rot90(turned, -self.quarters, axes=(1, 2))
        return image.swapaxes(1, 2) if self.transposed else image


def further_orientations(count: EnsembleSize) -> Iterator[Orientation]:
    """Yield all but the first of ``count`` orientations; the first is the image as it is.

    Two are half a turn apart, four keep the pixels' neighborhoods along both axes, eight are all there are.
    """
    steps = {1: [], 2: [(2, False)], 4: [(2, False), (0, True), (2, True)]}
    every = [(quarters, transposed) for transposed in (False, True) for quarters in range(4)]
    yield from (Orientation(*each) for each in steps.get(count, every[1:]))
