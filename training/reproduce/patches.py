"""The patches that are measured: the middle of each photograph, with seeded noise."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from training.data.images import read_folder
from training.evaluate.metrics import FloatImage, add_noise

#: The noise that ``evaluate`` adds at this level, 0-255 scale, is scaled to the other levels, so that levels differ in
#: strength only. With independent noise per level the subspaces are less nested: .89 instead of .94.
NOISE_255 = 10.0

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Patch:
    """The middle of a photograph.

    Attributes:
        name: The photograph's path below its folder.
        index: Its place among the sorted paths, which seeds the noise.
        photograph: The whole photograph (H, W, C), float32 in [0, 1].
        side: P, the side of the patch.
    """

    name: str
    index: int
    photograph: FloatImage
    side: int

    @property
    def clean(self) -> torch.Tensor:
        """Return the clean patch x (C, P, P), float32 in [0, 1]."""
        return self._middle(self.photograph)

    def noisy(self, sigma_255: float) -> torch.Tensor:
        """Return the noisy patch y (C, P, P), float32: the middle of the noisy photograph."""
        return self._middle(self._noisy(sigma_255))

    def noisy_photograph(self, sigma_255: float) -> torch.Tensor:
        """Return the whole noisy photograph (C, H, W), float32."""
        return _tensor(self._noisy(sigma_255))

    def _noisy(self, sigma_255: float) -> FloatImage:
        noise = add_noise(np.zeros_like(self.photograph), sigma_255=NOISE_255, index=self.index)
        return self.photograph + np.float32(sigma_255 / NOISE_255) * noise

    def _middle(self, image: FloatImage) -> torch.Tensor:
        top, left = ((length - self.side) // 2 for length in image.shape[:2])
        return _tensor(image[top : top + self.side, left : left + self.side])


def read_patches(images: Path, *, channels: int, count: int, side: int) -> list[Patch]:
    """Read the first photographs of a folder, with a patch in the middle of each.

    Args:
        images: Folder of clean photographs, searched recursively.
        channels: 1 for gray, 3 for RGB.
        count: Largest number of photographs.
        side: P, the side of the patches.

    Raises:
        ValueError: There is no photograph, or one is smaller than the patch.
    """
    photographs = read_folder(images, channels=channels)[:count]
    for each in photographs:
        if min(each.pixels.shape[:2]) < side:
            raise ValueError(
                f"{each.name} has {each.size} pixels and is smaller than a patch of {side} x {side}; "
                "remove it or ask for a smaller --size"
            )
    return [Patch(each.name, index, each.unit, side) for index, each in enumerate(photographs)]


def on_every_core(call: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """Run the calls in parallel, one core each, and return their results.

    Small operations spread over several cores would spend their time in barriers.
    """
    with ThreadPoolExecutor(torch.get_num_threads(), initializer=torch.set_num_threads, initargs=(1,)) as pool:
        return list(pool.map(call, items))


def _tensor(image: FloatImage) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
