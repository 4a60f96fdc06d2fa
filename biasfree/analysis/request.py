"""The parameters of an analysis. Does not import torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from biasfree.analysis.report import Patch
from biasfree.frames import without_offset

#: Number of values of the largest patch that is decomposed as a matrix, 64 x 64 gray. On two cores it took 14 s and
#: 0.9 GB; four times the values take sixteen times the memory and 64 times the time.
DENSE_VALUES = 4096

Method = Literal["auto", "dense", "iterative"]
Pixels = npt.NDArray[Any]


@dataclass(frozen=True)
class AnalysisRequest:
    """A request for one analysis. Intensities are the caller's, in any image dtype.

    Attributes:
        noisy: y, the patch (C, P, Q).
        patch: Its position in the image.
        white: Intensity that corresponds to 255.
        k: Number of singular vectors to show from each end.
        method: How to compute the spectrum.
        pixels: (x, y) of the equivalent filters, in image coordinates, inside the patch; by default its middle.
        clean: The patch without noise (C, P, Q), or None.
        image: The whole image (C, H, W) for estimates over it, or None to skip them.
        probes: Number of random vectors for the estimates over the whole image.
        memory_bytes: Limit on the memory of the decomposition.
    """

    noisy: Pixels
    patch: Patch
    white: float
    k: int = 8
    method: Method = "auto"
    pixels: tuple[tuple[int, int], ...] = ()
    clean: Pixels | None = None
    image: Pixels | None = None
    probes: int = 0
    memory_bytes: int = 2**30

    def __post_init__(self) -> None:
        """Refuse parameters that would give wrong numbers.

        Raises:
            ValueError: A parameter does not fit the patch, or the patch has an offset that float32 has no digits for.
        """
        patch = self.patch
        if self.method not in get_args(Method):
            raise ValueError(f"method={self.method!r} is not one of {', '.join(get_args(Method))}")
        if not 1 <= self.k <= self.noisy.size or self.k != int(self.k):
            raise ValueError(f"k={self.k} must be a whole number from 1 to {self.noisy.size}, the values of the patch")
        if self.clean is not None and self.clean.shape != self.noisy.shape:
            raise ValueError(
                f"the clean patch must have the shape of the noisy one, {self.noisy.shape} as channels, height and "
                f"width, not {self.clean.shape}"
            )
        if not all(map(_is_place, self.pixels)):
            raise ValueError(f"pixels={self.pixels!r} must be pairs of whole numbers (x, y), as in [(3, 4)]")
        for x, y in self.pixels:
            if not (patch.x <= x < patch.x + patch.width and patch.y <= y < patch.y + patch.height):
                raise ValueError(f"the pixel ({x}, {y}) is not in the patch of {patch.width} x {patch.height}")
        signal, offset = without_offset(self.noisy)
        if offset and signal.any():
            raise ValueError(f"the patch has an offset of {offset:g}, for which float32 has no digits: subtract it")


def _is_place(pixel: object) -> bool:
    return isinstance(pixel, Sequence | np.ndarray) and len(pixel) == 2 and all(isinstance(p, Integral) for p in pixel)
