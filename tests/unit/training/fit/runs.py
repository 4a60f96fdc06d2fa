"""Tiny training runs for the tests."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from training.data.images import NamedImage
from training.data.pairs import PairSampler
from training.fit.processes import Processes
from training.fit.recipe import Recipe
from training.fit.run import pairs_of
from training.fit.trainer import StepResult, Trainer

TINY = Recipe(
    arguments={"channels": 1, "widths": [4, 8], "blocks": 1, "bottom_blocks": 1},
    steps=20,
    patch=16,
    batch=4,
    learning_rate=2e-2,
    adamw_learning_rate=2e-2,
    warmup_steps=4,
    ema_decay=0.9,
    precision="fp32",
)
ALONE = Processes(rank=0, count=1, device=torch.device("cpu"))
IMAGES = {"a.png": "sha-a", "b.png": "sha-b"}


def photograph(height: int, width: int, *, seed: int, channels: int = 1) -> npt.NDArray[np.uint8]:
    """Make smooth blobs (H, W, C) uint8."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    waves = np.zeros((height, width, channels))
    for _ in range(6):
        across, down, phase = *random.uniform(-0.2, 0.2, 2), random.uniform(0, 6, channels)
        waves += np.sin((across * x + down * y)[..., None] + phase)
    return ((waves - waves.min()) / np.ptp(waves) * 255).astype(np.uint8)


def write_photographs(folder: Path, count: int, *, side: int = 24, seed: int = 0) -> Path:
    """Write ``count`` PNG files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        Image.fromarray(photograph(side, side, seed=seed + index)[..., 0]).save(folder / f"{index}.png")
    return folder


def sampler(recipe: Recipe, *, rank: int = 0) -> PairSampler:
    """Return a source of pairs from two small photographs."""
    sides = ((40, 56), (30, 33))
    images = [
        NamedImage(f"{seed}.png", photograph(height, width, seed=seed), sha256="")
        for seed, (height, width) in enumerate(sides, start=1)
    ]
    return pairs_of(recipe, images, rank=rank)


@dataclass
class Record:
    """An observer that keeps what a run reports, and then calls ``then``."""

    then: Callable[[StepResult], Any] = lambda _: None
    steps: list[StepResult] = field(default_factory=list)
    validations: list[tuple[int, float]] = field(default_factory=list)

    @property
    def losses(self) -> list[float]:
        """Return the losses of the steps, in order."""
        return [result.loss for result in self.steps]

    def on_step(self, result: StepResult) -> None:
        """Record the step and call ``then``."""
        self.steps.append(result)
        self.then(result)

    def on_validation(self, step: int, psnr_db: float) -> None:
        """Record the PSNR."""
        self.validations.append((step, psnr_db))


def fit(
    recipe: Recipe,
    folder: Path,
    *,
    record: Record | None = None,
    images: dict[str, str] = IMAGES,
    processes: Processes = ALONE,
    **clock: Callable[[], float],
) -> tuple[Trainer, Record]:
    """Run or resume a recipe in a folder, with a checkpoint after every step."""
    folder.mkdir(exist_ok=True)
    record = record or Record()
    trainer = Trainer(recipe, sampler(recipe, rank=processes.rank), images=images, processes=processes, **clock)
    trainer.fit(folder, progress=record, validate=lambda _: 30.0, validate_every=8, checkpoint_every_s=0)
    return trainer, record


def assert_same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    """Check that all tensors are equal, bit for bit."""
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name
