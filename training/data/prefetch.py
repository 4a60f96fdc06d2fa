"""Batches made ahead of the training, by processes of their own."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from torch.utils.data import DataLoader, Dataset

from training.data.pairs import TrainingPairs

#: Batches that each worker holds ready.
_AHEAD = 4


class Pairs(Protocol):
    """Source of the batches; the batch of a step depends on nothing but the step."""

    def batch(self, step: int) -> TrainingPairs:
        """Make the pairs of one step."""


@dataclass(frozen=True)
class _Steps(Dataset[TrainingPairs]):
    """The batches of a source, by step."""

    pairs: Pairs

    def __getitem__(self, step: int) -> TrainingPairs:
        return self.pairs.batch(step)


def batches(pairs: Pairs, *, first_step: int, workers: int) -> Iterator[TrainingPairs]:
    """Give the batches from ``first_step`` on, without end.

    Args:
        pairs: What makes them.
        first_step: The first one's step.
        workers: Processes that make them; 0 makes them here, when they are asked for. They give the same batches.
    """
    steps = itertools.count(first_step)
    if workers == 0:
        return (pairs.batch(step) for step in steps)
    loader = DataLoader(
        _Steps(pairs),
        batch_size=None,
        sampler=steps,
        num_workers=workers,
        prefetch_factor=_AHEAD,
    )
    return iter(loader)
