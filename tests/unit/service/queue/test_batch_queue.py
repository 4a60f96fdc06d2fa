"""The thread around the policy, with engines that do real arithmetic and fail on purpose."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable

import numpy as np
import pytest

from biasfree.engines.engine import EngineError, OutOfDeviceMemory
from service.errors import InferenceFailed, NotReady
from service.queue.batch_queue import BatchQueue, Denoised
from service.queue.ledger import TileTooLarge
from service.queue.policy import BatchPolicy, Lane
from service.queue.priority import BULK_NICENESS


class FakeEngine:
    """Halves every value, and calls ``before`` with each batch."""

    device, tolerance, workers = "cpu", 0.0, 1

    def __init__(self, before: Callable[[np.ndarray], None] = lambda batch: None) -> None:
        self.before = before
        self.batches: list[tuple[int, ...]] = []
        self.released = threading.Event()

    def run(self, model: str, batch: np.ndarray, *, wide: bool = True) -> np.ndarray:
        """``batch / 2``."""
        self.batches.append(batch.shape)
        self.before(batch)
        return batch / 2

    def release(self) -> None:
        """Counted."""
        self.released.set()


def tile(value: float, side: int = 8) -> np.ndarray:
    """A constant tile."""
    return np.full((1, side, side), value, np.float32)


def queue_on(engine: FakeEngine, *, budget_px: int = 1024) -> BatchQueue:
    """A started queue."""
    policy = BatchPolicy(budget_px=budget_px, limit_s=1e9, rates_px_s={"gray": 1e6})
    queue = BatchQueue({Lane.EXPRESS: engine}, policy)
    queue.start()
    return queue


async def submit(queue: BatchQueue, tiles: list[np.ndarray]) -> Denoised:
    """One request of one job."""
    with queue.admission("gray", sum(each[0].size for each in tiles)) as admission:
        return await queue.submit(admission, tiles)


class Gate:
    """Holds the device in its first batch until it is opened."""

    def __init__(self) -> None:
        self.entered, self.opened = threading.Event(), threading.Event()

    def __call__(self, batch: np.ndarray) -> None:
        """Wait for the gate."""
        self.entered.set()
        assert self.opened.wait(30)


def run(coroutine):
    """Run a coroutine with a bound on its time."""
    return asyncio.run(asyncio.wait_for(coroutine, 60))


def test_results_come_back_in_the_order_of_the_tiles():
    """Whatever the batches were."""

    async def scenario() -> None:
        queue = queue_on(FakeEngine(), budget_px=128)
        done = await submit(queue, [tile(value) for value in range(7)])
        assert [result[0, 0, 0] for result in done.tiles] == [value / 2 for value in range(7)]
        await queue.drain()

    run(scenario())


def test_requests_that_wait_share_a_batch():
    """Three jobs that came while the device was busy run together."""

    async def scenario() -> None:
        gate = Gate()
        engine = FakeEngine(gate)
        queue = queue_on(engine)
        first = asyncio.create_task(submit(queue, [tile(0)]))
        await asyncio.to_thread(gate.entered.wait, 30)
        rest = [asyncio.create_task(submit(queue, [tile(value)])) for value in (1, 2, 3)]
        while queue.state.jobs < 3:
            await asyncio.sleep(0)
        gate.opened.set()
        await asyncio.gather(first, *rest)
        assert [shape[0] for shape in engine.batches] == [1, 3]
        await queue.drain()

    run(scenario())


def test_cancelled_request_costs_no_inference():
    """Its tiles never reach the device."""

    async def scenario() -> None:
        gate = Gate()
        engine = FakeEngine(gate)
        queue = queue_on(engine)
        first = asyncio.create_task(submit(queue, [tile(0)]))
        await asyncio.to_thread(gate.entered.wait, 30)
        left = asyncio.create_task(submit(queue, [tile(1)] * 5))
        while queue.state.jobs < 1:
            await asyncio.sleep(0)
        left.cancel()
        with pytest.raises(asyncio.CancelledError):
            await left
        gate.opened.set()
        await first
        await queue.drain()
        assert engine.batches == [(1, 1, 8, 8)]

    run(scenario())


def test_one_bad_tile_never_fails_its_batch_mates():
    """The batch is bisected until the bad tile is alone."""

    def refuse_13(batch: np.ndarray) -> None:
        if (batch == 13).any():
            raise EngineError("thirteen")

    async def scenario() -> None:
        gate = Gate()
        engine = FakeEngine(gate)
        queue = queue_on(engine, budget_px=64 * 16)
        first = asyncio.create_task(submit(queue, [tile(0)]))
        await asyncio.to_thread(gate.entered.wait, 30)
        jobs = [asyncio.create_task(submit(queue, [tile(value)])) for value in range(10, 18)]
        while queue.state.jobs < 8:
            await asyncio.sleep(0)
        engine.before = refuse_13
        gate.opened.set()
        await first
        outcomes = await asyncio.gather(*jobs, return_exceptions=True)
        for value, outcome in zip(range(10, 18), outcomes, strict=True):
            if value == 13:
                assert isinstance(outcome, InferenceFailed)
            else:
                assert outcome.tiles[0][0, 0, 0] == value / 2
        await queue.drain()

    run(scenario())


def test_out_of_memory_halves_the_budget_and_retries():
    """A device with room for four tiles serves sixteen, and the budget is smaller after."""

    def only_four(batch: np.ndarray) -> None:
        if len(batch) > 4:
            raise OutOfDeviceMemory("five are too many")

    async def scenario() -> None:
        queue = queue_on(FakeEngine(only_four), budget_px=64 * 16)
        done = await submit(queue, [tile(value) for value in range(16)])
        assert [result[0, 0, 0] for result in done.tiles] == [value / 2 for value in range(16)]
        assert queue.state.budget_px < 64 * 5
        await queue.drain()

    run(scenario())


def test_a_single_tile_that_does_not_fit_says_so():
    """So that its owner can cut it smaller."""

    def nothing_fits(batch: np.ndarray) -> None:
        raise OutOfDeviceMemory("no")

    async def scenario() -> None:
        queue = queue_on(FakeEngine(nothing_fits))
        with pytest.raises(TileTooLarge):
            await submit(queue, [tile(1)])
        await queue.drain()

    run(scenario())


def test_an_unforeseen_error_fails_its_request_and_the_queue_goes_on():
    """The worker outlives what the device throws."""

    def once(batch: np.ndarray) -> None:
        if (batch == 1).any():
            raise ZeroDivisionError

    async def scenario() -> None:
        queue = queue_on(FakeEngine(once))
        with pytest.raises(InferenceFailed):
            await submit(queue, [tile(1)])
        done = await submit(queue, [tile(2)])
        assert done.tiles[0][0, 0, 0] == 1
        await queue.drain()

    run(scenario())


def test_death_of_the_thread_answers_everyone_who_waits():
    """Nobody waits for a thread that has died, and nobody new is let in."""

    def die(batch: np.ndarray) -> None:
        gate(batch)
        raise SystemExit

    gate = Gate()

    async def scenario() -> None:
        queue = queue_on(FakeEngine(die))
        first = asyncio.create_task(submit(queue, [tile(0)]))
        await asyncio.to_thread(gate.entered.wait, 30)
        second = asyncio.create_task(submit(queue, [tile(1)]))
        while queue.state.jobs < 1:
            await asyncio.sleep(0)
        gate.opened.set()
        outcomes = await asyncio.gather(first, second, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [NotReady, NotReady]
        with pytest.raises(NotReady, match="died"):
            await submit(queue, [tile(2)])
        assert queue.state.closed is not None
        assert queue.state.died
        await queue.drain()

    run(scenario())


def test_death_of_the_thread_is_told_after_everyone_was_answered():
    """The process is about to end: those who waited know why already."""
    told = threading.Event()

    def die(batch: np.ndarray) -> None:
        raise SystemExit

    async def scenario() -> None:
        queue = queue_on(FakeEngine(die))
        waiting: list[int] = []

        def tell() -> None:
            waiting.append(len(queue._ledger._pending))
            told.set()

        queue.on_death = tell
        with pytest.raises(NotReady):
            await submit(queue, [tile(0)])
        assert await asyncio.to_thread(told.wait, 30)
        assert waiting == [0]

    run(scenario())


def test_a_small_request_passes_a_large_one_that_runs():
    """Its lane has a thread of its own; the large one is held in its first tile meanwhile."""
    gate = Gate()
    policy = BatchPolicy(budget_px=64, limit_s=1e9, rates_px_s={"gray": 1e6}, express_px=64)

    async def scenario() -> None:
        queue = BatchQueue({Lane.EXPRESS: FakeEngine(), Lane.BULK: FakeEngine(gate)}, policy)
        queue.start()
        large = asyncio.create_task(submit(queue, [tile(value) for value in range(9)]))
        await asyncio.to_thread(gate.entered.wait, 30)
        assert (await submit(queue, [tile(3)])).tiles[0][0, 0, 0] == 1.5
        assert not large.done()
        gate.opened.set()
        assert [result[0, 0, 0] for result in (await large).tiles] == [value / 2 for value in range(9)]
        await queue.drain()

    run(scenario())


def test_an_idle_lane_gives_its_memory_back_and_goes_on():
    """Once, after work; the next batch runs as before."""
    engine = FakeEngine()
    policy = BatchPolicy(budget_px=64, limit_s=1e9, rates_px_s={"gray": 1e6})

    async def scenario() -> None:
        queue = BatchQueue({Lane.EXPRESS: engine}, policy, idle_s=0.001)
        queue.start()
        for value in (2, 4):
            engine.released.clear()
            assert (await submit(queue, [tile(value)])).tiles[0][0, 0, 0] == value / 2
            assert await asyncio.to_thread(engine.released.wait, 30)
        await queue.drain()

    run(scenario())


def test_memory_that_is_not_given_back_costs_nothing_else():
    """The engine fails while it tidies; the next request is served."""

    class Untidy(FakeEngine):
        def release(self) -> None:
            super().release()
            raise RuntimeError("no")

    engine = Untidy()
    policy = BatchPolicy(budget_px=64, limit_s=1e9, rates_px_s={"gray": 1e6})

    async def scenario() -> None:
        queue = BatchQueue({Lane.EXPRESS: engine}, policy, idle_s=0.001)
        queue.start()
        await submit(queue, [tile(1)])
        assert await asyncio.to_thread(engine.released.wait, 30)
        assert (await submit(queue, [tile(4)])).tiles[0][0, 0, 0] == 2
        await queue.drain()

    run(scenario())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has priorities of threads")
def test_bulk_gives_way_in_the_scheduler_and_express_does_not():
    """The thread that feeds bulk runs at a lower priority than this one."""
    seen = {}

    def note(lane: Lane) -> Callable[[np.ndarray], None]:
        return lambda batch: seen.update({lane: os.getpriority(os.PRIO_PROCESS, threading.get_native_id())})

    policy = BatchPolicy(budget_px=64, limit_s=1e9, rates_px_s={"gray": 1e6}, express_px=64)

    async def scenario() -> None:
        queue = BatchQueue({lane: FakeEngine(note(lane)) for lane in Lane}, policy)
        queue.start()
        await submit(queue, [tile(1)])
        await submit(queue, [tile(1)] * 2)
        await queue.drain()

    run(scenario())
    here = os.getpriority(os.PRIO_PROCESS, 0)
    assert seen == {Lane.EXPRESS: here, Lane.BULK: max(here, BULK_NICENESS)}


def test_draining_finishes_what_is_queued_and_takes_nothing_new():
    """No accepted request is lost."""

    async def scenario() -> None:
        gate = Gate()
        queue = queue_on(FakeEngine(gate))
        jobs = [asyncio.create_task(submit(queue, [tile(value)])) for value in range(5)]
        await asyncio.to_thread(gate.entered.wait, 30)
        queue.close()
        with pytest.raises(NotReady, match="shutting down"):
            await submit(queue, [tile(9)])
        gate.opened.set()
        await queue.drain()
        assert [(await job).tiles[0][0, 0, 0] for job in jobs] == [value / 2 for value in range(5)]

    run(scenario())


class Watched(FakeEngine):
    """An engine of two workers that notes how each batch ran, and how many ran at once."""

    workers = 2

    def __init__(self, before: Callable[[np.ndarray], None] = lambda batch: None) -> None:
        super().__init__(before)
        self.wide: list[bool] = []
        self.at_once = self.most = 0
        self._lock = threading.Lock()

    def run(self, model: str, batch: np.ndarray, *, wide: bool = True) -> np.ndarray:
        """As every fake."""
        with self._lock:
            self.wide.append(wide)
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        try:
            return super().run(model, batch)
        finally:
            with self._lock:
                self.at_once -= 1


def test_a_lone_batch_has_all_threads():
    """One request after the other: each runs wide."""
    engine = Watched()

    async def scenario() -> None:
        queue = queue_on(engine)
        for value in range(3):
            await submit(queue, [tile(value)])
            while queue._ledger._running[Lane.EXPRESS]:  # the answer comes a moment before the worker is free
                await asyncio.sleep(0)
        await queue.drain()

    run(scenario())
    assert engine.wide == [True] * 3


def test_one_worker_leaves_the_others_their_share():
    """Four tiles that would fit into one batch are two batches of two, side by side."""
    barrier = threading.Barrier(2, timeout=30)
    engine = Watched(lambda batch: barrier.wait())

    async def scenario() -> None:
        queue = queue_on(engine, budget_px=64 * 16)
        done = await submit(queue, [tile(value) for value in range(4)])
        assert [result[0, 0, 0] for result in done.tiles] == [value / 2 for value in range(4)]
        await queue.drain()

    run(scenario())
    assert [shape[0] for shape in engine.batches] == [2, 2]


def test_where_there_is_work_for_every_worker_batches_run_side_by_side():
    """Two tiles wait for two workers: both run at once, a thread each."""
    barrier = threading.Barrier(2, timeout=30)
    engine = Watched(lambda batch: barrier.wait())

    async def scenario() -> None:
        queue = queue_on(engine, budget_px=64)
        done = await submit(queue, [tile(value) for value in range(4)])
        assert [result[0, 0, 0] for result in done.tiles] == [value / 2 for value in range(4)]
        await queue.drain()

    run(scenario())
    assert engine.most == 2
    assert engine.wide == [False] * 4


def test_with_less_work_than_workers_batches_take_turns():
    """Four workers and two tiles: one after the other, each on all threads."""
    engine = Watched()
    engine.workers = 4

    async def scenario() -> None:
        queue = queue_on(engine, budget_px=64)
        await submit(queue, [tile(1), tile(2)])
        await queue.drain()

    run(scenario())
    assert engine.most == 1
    assert engine.wide == [True, True]


def test_out_of_memory_of_one_worker_leaves_the_other_alone():
    """Two run side by side, the one without memory in halves: every tile comes back."""

    def only_one(batch: np.ndarray) -> None:
        if len(batch) > 1:
            barrier.wait()
        if len(batch) > 1 and (batch == 0).any():
            raise OutOfDeviceMemory("two are too many")

    barrier = threading.Barrier(2, timeout=30)
    engine = Watched(only_one)

    async def scenario() -> None:
        queue = queue_on(engine, budget_px=64 * 16)
        done = await submit(queue, [tile(value) for value in range(4)])
        assert [result[0, 0, 0] for result in done.tiles] == [value / 2 for value in range(4)]
        await queue.drain()

    run(scenario())
    assert sorted(shape[0] for shape in engine.batches) == [1, 1, 2, 2]


def test_death_of_one_worker_ends_the_other():
    """A device that has lost one of its threads is not trusted with the rest."""

    def die(batch: np.ndarray) -> None:
        barrier.wait()
        if (batch == 0).any():
            raise SystemExit

    barrier = threading.Barrier(2, timeout=30)

    async def scenario() -> None:
        queue = queue_on(Watched(die), budget_px=64)
        outcomes = await asyncio.gather(*(submit(queue, [tile(value)]) for value in range(2)), return_exceptions=True)
        assert isinstance(outcomes[0], NotReady)
        assert queue.state.died
        with pytest.raises(NotReady, match="died"):
            await submit(queue, [tile(2)])
        await queue.drain()
        assert not any(thread.is_alive() for thread in queue._workers.threads)

    run(scenario())


def test_a_worker_without_work_does_not_take_the_memory_of_one_that_runs():
    """A lane is idle when all of its workers are."""
    gate = Gate()
    engine = Watched()

    async def scenario() -> None:
        policy = BatchPolicy(budget_px=64, limit_s=1e9, rates_px_s={"gray": 1e6})
        queue = BatchQueue({Lane.EXPRESS: engine}, policy, idle_s=0.3)
        queue.start()
        barrier = threading.Barrier(2, timeout=30)
        engine.before = lambda batch: barrier.wait()
        await submit(queue, [tile(0), tile(1)])  # both workers have worked
        engine.before = gate
        held = asyncio.create_task(submit(queue, [tile(2)]))
        await asyncio.to_thread(gate.entered.wait, 30)
        engine.released.clear()
        assert not await asyncio.to_thread(engine.released.wait, 1)
        gate.opened.set()
        await held
        assert await asyncio.to_thread(engine.released.wait, 30)
        await queue.drain()

    run(scenario())
