"""The golden tiles while the service serves, with an engine that goes wrong on purpose and a clock set by hand."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from biasfree.card import Card, Golden
from biasfree.engines.engine import EngineError
from service.errors import NotReady
from service.queue.batch_queue import BatchQueue
from service.queue.policy import BatchPolicy, Lane
from service.queue.self_check import SelfCheck


class Engine:
    """Halves every value, for each lane and way to run as long as nothing is ``wrong`` with it."""

    device, tolerance, workers = "cpu", 1e-6, 2

    def __init__(self) -> None:
        self.wrong: dict[bool, float] = {}
        self.error: Exception | None = None
        self.held = threading.Event()
        self.held.set()
        self.threads: set[str] = set()

    def run(self, model: str, batch: np.ndarray, *, wide: bool = True) -> np.ndarray:
        """``batch / 2``."""
        self.threads.add(threading.current_thread().name)
        assert self.held.wait(30)
        if self.error is not None:
            raise self.error
        return batch / 2 + self.wrong.get(wide, 0)

    def release(self) -> None:
        """Nothing is kept."""


class Clock:
    """Seconds."""

    now = 0.0

    def __call__(self) -> float:
        """What it shows."""
        return self.now


class Rig:
    """A queue with two lanes, and a check of it."""

    def __init__(self) -> None:
        noisy = np.ones((1, 3, 3), np.float32)
        card = Card.model_construct(name="gray", golden=Golden.of(noisy, noisy / 2))
        self.express, self.bulk, self.clock = Engine(), Engine(), Clock()
        policy = BatchPolicy(budget_px=1024, limit_s=1e9, rates_px_s={"gray": 1e6}, express_px=64)
        self.queue = BatchQueue({Lane.EXPRESS: self.express, Lane.BULK: self.bulk}, policy)
        self.queue.start()
        self.check = SelfCheck(self.queue, {"gray": card}, interval_s=30, patience_s=10, clock=self.clock)


@pytest.fixture
def rig() -> Iterator[Rig]:
    """One that is taken down again."""
    rig = Rig()
    yield rig
    for engine in (rig.express, rig.bulk):
        engine.held.set()
    asyncio.run(asyncio.wait_for(rig.queue.drain(), 30))


def test_every_engine_is_checked_by_its_own_threads(rig):
    """None is used by more threads than it allows, and no batch is counted."""
    rig.clock.now = 40
    rig.check.check()
    assert (rig.check.failure, rig.check.age_s) == (None, 0)
    assert {name.rpartition("-")[0] for name in rig.express.threads} == {"biasfree-express"}
    assert {name.rpartition("-")[0] for name in rig.bulk.threads} == {"biasfree-bulk"}
    assert rig.queue.state.batches == 0


@pytest.mark.parametrize("lane", ["express", "bulk"])
@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("by", [1e-3, float("nan")])
def test_drift_is_found_wherever_the_weights_are_and_its_end_too(rig, lane, wide, by, caplog):
    """In each lane, on all threads or on one: with words, a line in the log, and only one."""
    caplog.set_level("INFO")
    getattr(rig, lane).wrong = {wide: by}
    rig.check.check()
    rig.check.check()
    assert "model 'gray' gives wrong results" in rig.check.failure
    assert rig.check.drift == rig.check.failure
    assert caplog.text.count("the self-check failed: model 'gray' gives wrong results") == 1
    getattr(rig, lane).wrong = {}
    rig.check.check()
    assert (rig.check.failure, rig.check.drift) == (None, None)
    assert "the self-check passes again" in caplog.text


def test_a_device_that_fails_is_no_drift(rig):
    """Whatever it throws; the device's thread lives on."""
    for error in (EngineError("the device failed"), ZeroDivisionError("of all things")):
        rig.express.error = error
        rig.check.check()
        assert (rig.check.failure, rig.check.drift) == (str(error), None)
    rig.express.error = None
    rig.check.check()
    assert rig.check.failure is None
    assert not rig.queue.state.died


def test_a_device_that_hangs_is_told_after_a_while(rig):
    """Not before: a check waits for the batch under way."""
    rig.bulk.held.clear()
    with ThreadPoolExecutor(1) as pool:
        checking = pool.submit(rig.check.check)
        while not rig.bulk.threads:
            pass
        rig.clock.now = 10
        assert rig.check.failure is None
        rig.clock.now = 10.1
        assert rig.check.failure == "the device has not finished its self-check within 10 s"
        assert rig.check.drift is None
        rig.bulk.held.set()
        checking.result(30)
    assert rig.check.failure is None


def test_a_check_of_a_queue_that_has_ended_returns(rig):
    """Nobody waits for threads that are gone."""
    asyncio.run(asyncio.wait_for(rig.queue.drain(), 30))
    rig.check.check()
    with pytest.raises(NotReady):
        rig.queue.inspect(Lane.EXPRESS, lambda engine: None).result(0)
