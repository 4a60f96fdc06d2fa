"""Batches made ahead."""

import itertools

import torch

from tests.unit.training.fit.runs import photograph
from training.data.noise import NoiseMixture
from training.data.pairs import PairSampler
from training.data.prefetch import batches


def test_worker_processes_give_the_batches_that_this_one_would_have_made() -> None:
    """They come in order from the requested step on, so a resumed run draws the same batches."""
    image = photograph(40, 50, seed=1, channels=3)
    pairs = PairSampler([image], patch=32, batch=3, sigma_max=100, noise=NoiseMixture(), detailed=0.5)
    here, there = (list(itertools.islice(batches(pairs, first_step=7, workers=n), 4)) for n in (0, 2))
    for step, (one, other) in enumerate(zip(here, there, strict=True), start=7):
        assert torch.equal(one.noisy, other.noisy)
        assert torch.equal(one.clean, other.clean)
        assert torch.equal(one.clean, pairs.batch(step).clean)
