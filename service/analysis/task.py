"""What the analysis process is asked. Imports nothing heavy: both sides know it."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import numpy.typing as npt

from service.analysis.report import Patch

#: Values of the largest patch that is decomposed as a matrix, 64 x 64 gray. On two cores it took 14 s and 0.9 GB; four
#: times the values take sixteen times the memory and 64 times the time.
DENSE_VALUES = 4096

Method = Literal["auto", "dense", "iterative"]
Pixels = npt.NDArray[Any]


class Output(StrEnum):
    """A form of the answer; its value is its media type."""

    JSON = "application/json"
    NPZ = "application/x-npz"
    PNG = "image/png"


@dataclass(frozen=True)
class Task:
    """One analysis. Intensities are the caller's, of any dtype of images.

    Attributes:
        model_path: The model file.
        model_sha256: Its SHA-256 when the service started; another file now is an error.
        device: ``cpu`` or ``cuda``.
        noisy: y, the patch (C, P, Q).
        clean: The patch without noise (C, P, Q), or None.
        image: The whole image (C, H, W) for estimates over it, or None for none.
        white: The intensity that stands for 255.
        patch: Where it lies in the image.
        k: Singular vectors to show from each end.
        method: How to compute the spectrum.
        pixels: (x, y) of the equivalent filters, in the image, inside the patch; none for the middle of the patch.
        probes: Random vectors for the estimates over the whole image.
        memory_bytes: What the decomposition may take.
        output: The answer's form.
        facts: Written into the answer as they are: ``model``, ``request_id``.
    """

    model_path: Path
    model_sha256: str
    device: str
    noisy: Pixels
    clean: Pixels | None
    image: Pixels | None
    white: float
    patch: Patch
    k: int
    method: Method
    pixels: tuple[tuple[int, int], ...]
    probes: int
    memory_bytes: int
    output: Output
    facts: dict[str, Any]


def carry_out(task: Task) -> bytes:
    """Called in the analysis process: the answer in the form that the task asks for; errors as ``worker.run``."""
    from service.analysis.worker import run  # torch: only there

    return run(task)


def prepare() -> None:
    """Called in the analysis process when it starts."""
    from service.analysis.worker import warm_up

    warm_up()
