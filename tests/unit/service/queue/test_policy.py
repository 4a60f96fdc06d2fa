"""The batching policy, without threads or devices."""

import math

import numpy as np
import pytest

from service.errors import QueueFull
from service.queue.policy import Admission, Batch, BatchPolicy, Job, Lane
from service.queue.rates import FULL_WEIGHT_PX


def policy(
    *, budget_px: int = 4 * 64, limit_s: float = 1e6, rate_px_s: float = 64.0, express_px: int | None = None
) -> BatchPolicy:
    """A queue whose device takes one second for an 8 x 8 tile."""
    return BatchPolicy(
        budget_px=budget_px, limit_s=limit_s, rates_px_s={"gray": rate_px_s, "color": rate_px_s}, express_px=express_px
    )


def job(tiles: int, *, side: int = 8, model: str = "gray") -> Job:
    """A job of square tiles."""
    return Job(Admission(model, Lane.EXPRESS, 0), [np.zeros((1, side, side), np.float32)] * tiles)


def admitted(queue: BatchPolicy, tiles: int) -> Job:
    """A queued job that was let in with its pixels."""
    each = Job(queue.admit("gray", tiles * 64), [np.zeros((1, 8, 8), np.float32)] * tiles)
    queue.add(each)
    return each


def drain(queue: BatchPolicy, lane: Lane = Lane.EXPRESS) -> list[list[Job]]:
    """Run every batch of a lane, a second each; their jobs, in order."""
    batches = []
    while (batch := queue.next_batch(lane)) is not None:
        run(queue, batch)
        batches.append([owner for owner, _ in batch.entries])
    return batches


def run(queue: BatchPolicy, batch: Batch, *, seconds: float | None = None) -> None:
    """A batch begins and is done; without ``seconds`` at the rate of 64 pixels a second."""
    queue.began(batch, 0.0)
    queue.done(batch, batch.pixels / 64 if seconds is None else seconds)


def test_a_single_tile_is_a_batch_at_once():
    """Work-conserving: nothing is waited for."""
    queue, only = policy(), job(1)
    queue.add(only)
    assert drain(queue) == [[only]]


def test_a_batch_holds_tiles_of_one_shape_and_one_model():
    """Other shapes and models wait for their turn."""
    queue = policy()
    jobs = [job(1), job(1, side=4), job(1, model="color"), job(1)]
    for each in jobs:
        queue.add(each)
    assert drain(queue) == [[jobs[0], jobs[3]], [jobs[1]], [jobs[2]]]


def test_a_batch_is_bounded_by_pixels():
    """Four tiles of 64 pixels fill a budget of 256."""
    queue = policy(budget_px=4 * 64)
    queue.add(job(10))
    assert [len(batch) for batch in drain(queue)] == [4, 4, 2]


def test_a_tile_over_the_budget_runs_alone():
    """It is not refused, and takes nobody with it."""
    queue = policy(budget_px=10)
    first, second = job(1), job(1)
    queue.add(first)
    queue.add(second)
    assert drain(queue) == [[first], [second]]


def test_tiles_are_taken_round_robin_so_that_a_large_image_starves_nobody():
    """A small image of the same shape is in the first batch; one of another shape is the second batch."""
    queue = policy(budget_px=2 * 64)
    large, same, other = job(100), job(1), job(1, side=4)
    for each in (large, same, other):
        queue.add(each)
    assert drain(queue)[:3] == [[large, same], [other], [large, large]]


def test_two_large_images_share_the_device_evenly():
    """Each gets every other place."""
    queue = policy(budget_px=3 * 64)
    first, second = job(6), job(6)
    queue.add(first)
    queue.add(second)
    order = [owner for batch in drain(queue) for owner in batch]
    assert all(abs(order[:n].count(first) - order[:n].count(second)) <= 1 for n in range(len(order)))


def test_every_tile_runs_exactly_once():
    """No tile is lost or doubled over many batches."""
    queue = policy(budget_px=3 * 64)
    jobs = [job(count) for count in (1, 7, 2, 5)]
    for each in jobs:
        queue.add(each)
    seen = []
    while (batch := queue.next_batch()) is not None:
        seen.extend(batch.entries)
    assert len(seen) == len(set(seen)) == 15


def test_past_the_bound_in_predicted_seconds_a_request_is_refused_with_an_honest_time():
    """Eleven seconds are queued and ten allowed: come again in one."""
    queue = policy(limit_s=10, rate_px_s=64)
    admitted(queue, 11)
    with pytest.raises(QueueFull) as refusal:
        queue.admit("gray", 64)
    assert refusal.value.facts["retry_after_s"] == pytest.approx(1.0)
    assert refusal.value.facts["actual"] == pytest.approx(11.0)


def test_an_empty_queue_takes_any_image():
    """An image that alone takes longer than the bound is still served."""
    queue = policy(limit_s=1)
    admitted(queue, 1000)
    assert queue.predicted_s == pytest.approx(1000)


def test_a_request_once_admitted_is_never_refused_halfway():
    """Its later jobs find the room that was kept for them, whoever came between."""
    queue = policy(limit_s=10, rate_px_s=64)
    admission = queue.admit("gray", 9 * 64)
    admitted(queue, 5)
    with pytest.raises(QueueFull):
        queue.require_room()
    queue.add(Job(admission, [np.zeros((1, 8, 8), np.float32)] * 9))
    assert sum(len(batch) for batch in drain(queue)) == 14
    assert queue.predicted_s == 0


def test_room_that_was_not_used_is_free_when_the_request_ends():
    """It failed, or its client left."""
    queue = policy()
    admission = queue.admit("gray", 100 * 64)
    assert not queue.idle
    queue.release(admission)
    assert queue.predicted_s == 0
    assert queue.idle


def test_the_prediction_follows_the_measured_rate():
    """A device twice as fast as thought halves the prediction."""
    queue = policy(rate_px_s=64, budget_px=FULL_WEIGHT_PX)
    for _ in range(200):
        queue.add(Job(Admission("gray", Lane.EXPRESS, 0), [np.zeros((1, 512, 512), np.float32)]))
        batch = queue.next_batch()
        assert batch is not None
        run(queue, batch, seconds=batch.pixels / 128)
    admitted(queue, 8)
    assert queue.predicted_s == pytest.approx(4.0, rel=0.01)


def test_tiny_batches_hardly_move_the_prediction():
    """What an 8 x 8 image takes is mostly the call: fifteen of them do not make a large image seem ten times slower."""
    queue = policy(rate_px_s=1.7e6)
    for _ in range(15):
        queue.add(job(1))
        batch = queue.next_batch()
        assert batch is not None
        run(queue, batch, seconds=0.0005)
    queue.admit("gray", 25_000_000)
    assert queue.predicted_s == pytest.approx(25 / 1.7, rel=0.05)


def test_a_removed_job_costs_no_further_tile():
    """Its waiting tiles are gone."""
    queue = policy()
    left, stays = admitted(queue, 50), admitted(queue, 1)
    queue.remove(left)
    queue.release(left.admission)
    assert queue.predicted_s == pytest.approx(1.0)
    assert drain(queue) == [[stays]]


def test_out_of_memory_halves_the_budget_below_what_failed():
    """The next batch is at most half of the one that did not fit."""
    queue = policy(budget_px=100 * 64)
    queue.halve_budget(below_px=8 * 64)
    queue.add(job(100))
    batch = queue.next_batch()
    assert batch is not None
    assert batch.pixels == 4 * 64


def test_a_large_tile_that_does_not_fit_leaves_a_smaller_budget_alone():
    """The budget is halved below what failed, not below itself."""
    queue = policy(budget_px=1000)
    queue.halve_budget(below_px=1_000_000)
    assert queue.budget_px == 1000


def test_a_small_request_does_not_wait_for_a_large_one():
    """Each has a lane, and the express lane's bound does not count what waits in bulk."""
    queue = policy(limit_s=10, express_px=4 * 64)
    large = admitted(queue, 100)
    small = admitted(queue, 4)
    assert (large.admission.lane, small.admission.lane) == (Lane.BULK, Lane.EXPRESS)
    assert drain(queue, Lane.EXPRESS) == [[small] * 4]
    with pytest.raises(QueueFull):
        queue.admit("gray", 5 * 64)


def test_a_large_request_waits_for_everything():
    """Bulk gives way, so that its prediction counts the express lane too."""
    queue = policy(limit_s=10, express_px=6 * 64)
    admitted(queue, 6)
    admitted(queue, 6)
    with pytest.raises(QueueFull, match=r"12\.0 s"):
        queue.admit("gray", 100 * 64)


def test_work_is_predicted_until_it_is_done():
    """A tile that runs still takes its time."""
    queue = policy(budget_px=64)
    admitted(queue, 3)
    batch = queue.next_batch()
    assert batch is not None
    queue.began(batch, 0.0)
    assert queue.predicted_s == pytest.approx(3.0)
    queue.done(batch, 1.0)
    assert queue.predicted_s == pytest.approx(2.0)


def test_two_batches_at_once_do_not_make_the_device_seem_slow():
    """Each took two seconds of the clock and one of the device."""
    queue = policy(budget_px=FULL_WEIGHT_PX, rate_px_s=FULL_WEIGHT_PX, express_px=FULL_WEIGHT_PX)
    side = math.isqrt(FULL_WEIGHT_PX)
    for pixels in (FULL_WEIGHT_PX, FULL_WEIGHT_PX + 1):
        queue.add(Job(queue.admit("gray", pixels), [np.zeros((1, side, side), np.float32)]))
    first, second = queue.next_batch(Lane.EXPRESS), queue.next_batch(Lane.BULK)
    assert first is not None
    assert second is not None
    queue.began(first, 10.0)
    queue.began(second, 10.0)
    queue.done(first, 12.0)
    queue.done(second, 12.0)
    queue.admit("gray", 5 * FULL_WEIGHT_PX)
    assert queue.predicted_s == pytest.approx(5.0, rel=1e-3)


def left_s(queue: BatchPolicy, owner: Job, now_s: float) -> float:
    """The predicted seconds until a job's request is done."""
    left = queue.left_s({owner.admission}, now_s)
    assert left is not None
    return left


def begun(queue: BatchPolicy, lane: Lane, now_s: float) -> Batch:
    """The next batch of a lane, which runs from a time."""
    batch = queue.next_batch(lane)
    assert batch is not None
    queue.began(batch, now_s)
    return batch


def test_the_seconds_left_fall_while_a_tile_runs():
    """Tiles of a second: from the start of the first it falls with the clock, and goes on from there."""
    queue = policy(budget_px=64)
    first, second = admitted(queue, 3), admitted(queue, 1)
    assert left_s(queue, first, 9.0) == left_s(queue, first, 10.0) == pytest.approx(4.0)
    batch = begun(queue, Lane.EXPRESS, 10.0)
    assert [left_s(queue, first, 10 + t) for t in (0, 0.25, 0.5, 1)] == pytest.approx([4, 3.75, 3.5, 3])
    assert left_s(queue, second, 10.5) == pytest.approx(1.5)
    queue.done(batch, 11.0)
    assert left_s(queue, first, 11.0) == pytest.approx(3.0)


def test_the_seconds_left_of_a_slow_tile_never_rise_nor_fall_below_the_rest():
    """A tile that takes longer than predicted counts as nearly done; the last one leaves nothing."""
    queue = policy(budget_px=64)
    only = admitted(queue, 2)
    batch = begun(queue, Lane.EXPRESS, 0.0)
    told = [left_s(queue, only, t / 4) for t in range(40)]
    assert told == sorted(told, reverse=True)
    assert told[-1] == pytest.approx(1.0)
    queue.done(batch, 1.0)
    begun(queue, Lane.EXPRESS, 1.0)
    assert left_s(queue, only, 50.0) == 0


def test_the_seconds_left_count_only_what_a_request_waits_for():
    """An express request gains nothing from a bulk tile that runs, nor anyone from one whose client has left."""
    queue = policy(budget_px=64, express_px=64)
    large, small = admitted(queue, 4), admitted(queue, 1)
    begun(queue, Lane.BULK, 0.0)
    assert left_s(queue, small, 0.5) == pytest.approx(1.0)
    assert left_s(queue, large, 0.5) == pytest.approx(4.5)
    queue.release(large.admission)
    assert left_s(queue, large, 0.75) == pytest.approx(1.0)


def test_the_seconds_left_count_turns():
    """A small request beside a large one waits for as many tiles as it has itself, and for the tile that runs."""
    queue = policy(budget_px=64)
    large, small = admitted(queue, 40), admitted(queue, 2)
    assert left_s(queue, small, 0.0) == pytest.approx(4.0)
    assert left_s(queue, large, 0.0) == queue.predicted_s == pytest.approx(42.0)
    for second in range(4):
        # At most a turn too many: its own may come first.
        assert 4.0 - second <= round(left_s(queue, small, second), 6) <= 5.0 - second
        queue.done(begun(queue, Lane.EXPRESS, second), second + 1.0)
    assert left_s(queue, small, 4.0) == 0
    queue = policy(budget_px=64)
    large = Job(queue.admit("gray", 5 * 640), [np.zeros((1, 8, 80), np.float32)] * 5)
    queue.add(large)
    begun(queue, Lane.EXPRESS, 0.0)
    assert left_s(queue, admitted(queue, 1), 3.0) == pytest.approx(7.0 + 1.0)


def test_the_seconds_left_count_what_a_choice_of_models_needs():
    """Both have room for all passes; only one makes them, after a tile of the other. Others wait for as many turns."""
    queue = policy(budget_px=64)
    any_noise = queue.admit("gray", 8 * 64)
    both = {any_noise, queue.admit("color", 8 * 64, beside=any_noise)}
    assert queue.left_s(both, 0.0) == pytest.approx(16.0)
    assert queue.left_s(both, 0.0, most_px=9 * 64) == pytest.approx(9.0)
    assert queue.left_s(both, 0.0, most_px=0) == 0
    admitted(queue, 20)
    assert queue.left_s(both, 0.0, most_px=9 * 64) == pytest.approx(18.0)


def side_by_side(seconds: list[float], *, first_s: float) -> list[tuple[float, float]]:
    """The predicted and the true seconds left before each of a request's tiles, which take these seconds."""
    side = math.isqrt(FULL_WEIGHT_PX)
    queue = policy(budget_px=FULL_WEIGHT_PX, rate_px_s=FULL_WEIGHT_PX / first_s)
    request = Job(queue.admit("gray", len(seconds) * side**2), [np.zeros((1, side, side), np.float32)] * len(seconds))
    queue.add(request)
    now, told = 0.0, []
    for index, tile_s in enumerate(seconds):
        told.append((left_s(queue, request, now), sum(seconds[index:])))
        batch = begun(queue, Lane.EXPRESS, now)
        queue.done(batch, now := now + tile_s)
    return told


@pytest.mark.parametrize("first_s", [0.25, 4.0])
def test_the_seconds_left_follow_the_tiles_that_are_done(first_s):
    """The first estimate was four times too small or too large, on a machine that was idle or busy then."""
    told = side_by_side([1.0] * 40, first_s=first_s)
    assert told[0][0] == pytest.approx(first_s * told[0][1])
    for predicted, true in told[6:]:
        assert predicted == pytest.approx(true, rel=0.15)


def test_the_seconds_left_are_no_promise():
    """On a busy machine, every fourth tile takes three times as long; the bound of the queue errs on that side."""
    told = side_by_side([1.0, 1.0, 1.0, 3.0] * 10, first_s=1.0)
    shares = [predicted / true for predicted, true in told[4:-4]]
    assert 0.6 < min(shares) <= max(shares) < 1.5
    assert 0.9 < np.mean(shares) < 1.1


def test_the_seconds_left_are_unknown_without_an_admission():
    """The request is still being read."""
    assert policy().left_s(set(), 0.0) is None


def test_a_failed_batch_says_nothing_of_the_rate():
    """It may have ended at once."""
    queue = policy(budget_px=FULL_WEIGHT_PX)
    queue.add(job(4))
    batch = queue.next_batch()
    assert batch is not None
    queue.began(batch, 0.0)
    queue.failed(batch, 1e-6)
    queue.admit("gray", 64)
    assert queue.predicted_s == pytest.approx(1.0)


def test_a_halved_budget_recovers_slowly_and_to_what_it_was():
    """Memory that was short for a moment does not slow the device for ever, nor is it asked for again at once."""
    queue = policy(budget_px=1000 * 64)
    queue.halve_budget(below_px=1000 * 64)
    seen = [queue.budget_px]
    for _ in range(400):
        queue.add(job(1))
        batch = queue.next_batch()
        assert batch is not None
        run(queue, batch)
        seen.append(queue.budget_px)
    assert seen[0] == 500 * 64
    assert seen[50] < 700 * 64
    assert seen[-1] == 1000 * 64
