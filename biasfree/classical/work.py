"""A classical denoiser as a task for another process. Importing this module imports nothing heavy."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from biasfree.classical import load

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class ClassicalTask:
    """A task: images to denoise by one method.

    Attributes:
        name: A key of ``METHODS``.
        noisy: Images (C, H, W) float32.
        levels: True to return their noise levels as well.
    """

    name: str
    noisy: "list[npt.NDArray[np.float32]]"
    levels: bool = False


@dataclass(frozen=True)
class ClassicalResult:
    """The result of a task.

    Attributes:
        denoised: Images (C, H, W) float32.
        levels: Noise level found in each image, in its units; empty if not requested.
        seconds: Time taken.
    """

    denoised: "list[npt.NDArray[np.float32]]"
    levels: list[float]
    seconds: float


def carry_out(task: ClassicalTask) -> ClassicalResult:
    """Denoise the images of a task."""
    denoiser = load(task.name)
    begun = time.monotonic()
    denoised: list[Any] = [denoiser(image.transpose(1, 2, 0)).transpose(2, 0, 1) for image in task.noisy]
    seconds = time.monotonic() - begun
    levels = [denoiser.level(image.transpose(1, 2, 0)) for image in task.noisy] if task.levels else []
    return ClassicalResult(denoised, levels, seconds)
