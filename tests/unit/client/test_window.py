"""The sliding window over many items."""

import asyncio
import threading

import pytest

from biasfree_client._window import AHEAD, in_tasks, in_threads


def run_async(function, items, *, concurrency):
    """Run ``in_tasks`` to its end."""

    async def later(item):
        await asyncio.sleep(0)
        return function(item)

    async def collect():
        return [each async for each in in_tasks(later, items, concurrency=concurrency)]

    return asyncio.run(collect())


def run_threads(function, items, *, concurrency):
    """Run ``in_threads`` to its end."""
    return list(in_threads(function, items, concurrency=concurrency))


BOTH = pytest.mark.parametrize("run", [run_threads, run_async])


@BOTH
@pytest.mark.parametrize("concurrency", [1, 3, 50])
def test_results_come_in_the_order_of_the_items(run, concurrency):
    """The order does not depend on the concurrency."""
    assert run(lambda item: item * item, range(40), concurrency=concurrency) == [each * each for each in range(40)]


@BOTH
@pytest.mark.parametrize("single", ["a.png", b"\x89PNG"])
def test_a_single_name_is_not_taken_apart(run, single):
    """Its characters are no items."""
    with pytest.raises(ValueError, match="is one item: give a list of them"):
        run(lambda item: item, single, concurrency=2)


@BOTH
def test_no_items_give_no_results(run):
    """An empty input ends immediately."""
    assert run(str, [], concurrency=2) == []


@BOTH
def test_a_concurrency_below_1_is_refused(run):
    """A concurrency of 0 is refused."""
    with pytest.raises(ValueError, match="concurrency must be at least 1, not 0"):
        run(str, [1], concurrency=0)


@BOTH
def test_an_error_is_raised_in_its_place(run):
    """The error ends the iteration."""
    with pytest.raises(ZeroDivisionError):
        run(lambda item: 1 // item, [1, 0, 1], concurrency=2)


def test_concurrency_limits_the_threads_at_work():
    """Three workers meet, which two could not do, and a fourth never starts."""
    meeting, here, most = threading.Barrier(3, timeout=30), [], []

    def work(_):
        here.append(1)
        most.append(len(here))
        meeting.wait()
        here.pop()

    run_threads(work, range(9), concurrency=3)
    assert max(most) <= 3


def test_items_are_taken_only_slightly_ahead():
    """An endless generator works."""
    taken = []

    def endless():
        while True:
            taken.append(len(taken))
            yield taken[-1]

    results = in_threads(str, endless(), concurrency=2)
    assert [next(results) for _ in range(5)] == ["0", "1", "2", "3", "4"]
    results.close()
    assert len(taken) <= 5 + 2 * AHEAD


def test_tasks_without_a_reader_are_cancelled():
    """Leaving the loop over the results cancels the remaining tasks."""
    cancelled = []

    async def work(item):
        try:
            await asyncio.sleep(0 if item == 0 else 3600)
        except asyncio.CancelledError:
            cancelled.append(item)
            raise
        return item

    async def leave():
        results = in_tasks(work, range(100), concurrency=2)
        first = await anext(results)
        await results.aclose()
        return first

    assert asyncio.run(leave()) == 0
    assert cancelled
