"""The batching policy, without threads or devices."""

import numpy as np
import pytest

from service.errors import QueueFull
from service.inference.policy import BatchPolicy, Job


def policy(*, budget_px: int = 4 * 64, limit_s: float = 1e6, rate_px_s: float = 64.0) -> BatchPolicy:
    """A queue whose device takes one second for an 8 x 8 tile."""
    return BatchPolicy(budget_px=budget_px, limit_s=limit_s, rates_px_s={"gray": rate_px_s, "color": rate_px_s})


def job(tiles: int, *, side: int = 8, model: str = "gray") -> Job:
    """A job of square tiles."""
    return Job(model, [np.zeros((1, side, side), np.float32)] * tiles)


def drain(queue: BatchPolicy) -> list[list[Job]]:
    """The jobs of every batch, in order."""
    batches = []
    while (batch := queue.next_batch()) is not None:
        batches.append([owner for owner, _ in batch.entries])
    return batches


def test_a_single_tile_is_a_batch_at_once():
    """Work-conserving: nothing is waited for."""
    queue, only = policy(), job(1)
    queue.admit(only)
    assert drain(queue) == [[only]]


def test_a_batch_holds_tiles_of_one_shape_and_one_model():
    """Other shapes and models wait for their turn."""
    queue = policy()
    jobs = [job(1), job(1, side=4), job(1, model="color"), job(1)]
    for each in jobs:
        queue.admit(each)
    assert drain(queue) == [[jobs[0], jobs[3]], [jobs[1]], [jobs[2]]]


def test_a_batch_is_bounded_by_pixels():
    """Four tiles of 64 pixels fill a budget of 256."""
    queue = policy(budget_px=4 * 64)
    queue.admit(job(10))
    assert [len(batch) for batch in drain(queue)] == [4, 4, 2]


def test_a_tile_over_the_budget_runs_alone():
    """It is not refused, and takes nobody with it."""
    queue = policy(budget_px=10)
    first, second = job(1), job(1)
    queue.admit(first)
    queue.admit(second)
    assert drain(queue) == [[first], [second]]


def test_tiles_are_taken_round_robin_so_that_a_large_image_starves_nobody():
    """A small image of the same shape is in the first batch; one of another shape is the second batch."""
    queue = policy(budget_px=2 * 64)
    large, same, other = job(100), job(1), job(1, side=4)
    for each in (large, same, other):
        queue.admit(each)
    assert drain(queue)[:3] == [[large, same], [other], [large, large]]


def test_two_large_images_share_the_device_evenly():
    """Each gets every other place."""
    queue = policy(budget_px=3 * 64)
    first, second = job(6), job(6)
    queue.admit(first)
    queue.admit(second)
    order = [owner for batch in drain(queue) for owner in batch]
    assert all(abs(order[:n].count(first) - order[:n].count(second)) <= 1 for n in range(len(order)))


def test_every_tile_runs_exactly_once():
    """No tile is lost or doubled over many batches."""
    queue = policy(budget_px=3 * 64)
    jobs = [job(count) for count in (1, 7, 2, 5)]
    for each in jobs:
        queue.admit(each)
    seen = []
    while (batch := queue.next_batch()) is not None:
        seen.extend(batch.entries)
    assert len(seen) == len(set(seen)) == 15


def test_past_the_bound_in_predicted_seconds_a_job_is_refused_with_an_honest_time():
    """Eleven seconds are queued and ten allowed: come again in one."""
    queue = policy(limit_s=10, rate_px_s=64)
    queue.admit(job(11))
    with pytest.raises(QueueFull) as refusal:
        queue.admit(job(1))
    assert refusal.value.facts["retry_after_s"] == pytest.approx(1.0)
    assert refusal.value.facts["actual"] == pytest.approx(11.0)


def test_an_empty_queue_takes_any_image():
    """An image that alone takes longer than the bound is still served."""
    queue = policy(limit_s=1)
    queue.admit(job(1000))
    assert queue.predicted_s == pytest.approx(1000)


def test_the_prediction_follows_the_measured_rate():
    """A device twice as fast as thought halves the prediction."""
    queue = policy(rate_px_s=64)
    for _ in range(60):
        queue.admit(job(1))
        batch = queue.next_batch()
        assert batch is not None
        queue.observe(batch, 0.5)
    queue.admit(job(8))
    assert queue.predicted_s == pytest.approx(4.0, rel=0.01)


def test_a_removed_job_costs_no_further_tile():
    """Its waiting tiles are gone, and so are their predicted seconds."""
    queue = policy()
    left, stays = job(50), job(1)
    queue.admit(left)
    queue.admit(stays)
    queue.remove(left)
    assert queue.predicted_s == pytest.approx(1.0)
    assert drain(queue) == [[stays]]


def test_out_of_memory_halves_the_budget_below_what_failed():
    """The next batch is at most half of the one that did not fit."""
    queue = policy(budget_px=100 * 64)
    queue.halve_budget(below_px=8 * 64)
    queue.admit(job(100))
    batch = queue.next_batch()
    assert batch is not None
    assert batch.pixels == 4 * 64
