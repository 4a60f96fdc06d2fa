"""What an analysis is asked for. Needs no torch."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy.typing as npt

from biasfree.analysis.report import Patch

#: Values of the largest patch that is decomposed as a matrix, 64 x 64 gray. On two cores it took 14 s and 0.9 GB; four
#: times the values take sixteen times the memory and 64 times the time.
DENSE_VALUES = 4096

Method = Literal["auto", "dense", "iterative"]
Pixels = npt.NDArray[Any]


@dataclass(frozen=True)
class AnalysisRequest:
    """One analysis. Intensities are the caller's, of any dtype of images.

    Attributes:
        noisy: y, the patch (C, P, Q).
        patch: Where it lies in the image.
        white: The intensity that stands for 255.
        k: Singular vectors to show from each end.
        method: How to compute the spectrum.
        pixels: (x, y) of the equivalent filters, in the image, inside the patch; none for the middle of the patch.
        clean: The patch without noise (C, P, Q), or None.
        image: The whole image (C, H, W) for estimates over it, or None for none.
        probes: Random vectors for the estimates over the whole image.
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
