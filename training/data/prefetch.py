"""Batches made ahead of the training by worker processes."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from torch.utils.data import DataLoader, Dataset

from training.data.pairs import TrainingPairs

#: Number of batches that each worker keeps ready.
_AHEAD = 4


class Pairs(Protocol):
    """A source of batches; the batch of a step depends on nothing but the step."""

    def batch(self, step: int) -> TrainingPairs:
        """Make the pairs of one step."""


@dataclass(frozen=True)
class _Steps(Dataset[TrainingPairs]):
    """A data set of a source's batches, by step."""

    pairs: Pairs

    def __getitem__(self, step: int) -> TrainingPairs:
        return self.pairs.batch(step)


def batches(pairs: Pairs, *, first_step: int, workers: int) -> Iterator[TrainingPairs]:
    """Yield the batches from ``first_step`` on, without end.

    Args:
        pairs: Source of the batches.
        first_step: Step of the first batch.
        workers: Number of worker processes; 0 makes each batch in this process when it is needed. The batches are the
            same for any number.
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
