"""The device threads, which run batches."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from biasfree.engines.engine import Engine, EngineError, OutOfDeviceMemory
from biasfree.pixels import FloatArray
from service.errors import InferenceFailed, ServiceError
from service.queue.heap import trim
from service.queue.ledger import Inspection, Ledger, TileTooLarge, Turn
from service.queue.policy import Lane
from service.queue.priority import give_way

log = logging.getLogger(__name__)


class Workers:
    """The device threads: as many per lane as its engine has workers.

    A batch that is alone in its lane uses all of the engine's threads. Batches run side by side, on one thread each,
    only if there are as many tiles as workers.

    Args:
        engines: The engine of each lane.
        ledger: The jobs.
        on_death: Called from a thread that died, after every waiting request has failed.
        on_batch: Called from the device threads with the tiles and pixels of every batch that starts.
        idle_s: Seconds without work after which a lane frees its memory.
    """

    def __init__(
        self,
        engines: Mapping[Lane, Engine],
        ledger: Ledger,
        *,
        on_death: Callable[[], None],
        on_batch: Callable[[int, int], None],
        idle_s: float,
    ) -> None:
        self._engines, self._ledger = dict(engines), ledger
        self.on_death, self._on_batch, self._idle_s = on_death, on_batch, idle_s
        self.threads = [
            threading.Thread(target=self._work, args=(lane,), name=f"biasfree-{lane}-{number}", daemon=True)
            for lane, engine in engines.items()
            for number in range(engine.workers)
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self.threads:
            thread.start()

    def join(self) -> None:
        """Wait until the threads have ended."""
        for thread in self.threads:
            thread.join()

    def _work(self, lane: Lane) -> None:
        """Run batches until told to stop. If the thread dies, fail every waiting request."""
        died = False
        try:
            if lane is Lane.BULK:
                give_way()
            self._serve(lane, self._engines[lane])
        except BaseException:
            log.critical("a device thread died", exc_info=True)
            died = True
        finally:
            self._ledger.abandon(died=died)
        if died:
            self.on_death()

    def _serve(self, lane: Lane, engine: Engine) -> None:
        """Run batch after batch; free memory after the lane has been idle for a while."""
        used, model = False, None
        while not self._ledger.stopping:
            if inspection := self._ledger.next_inspection(lane):
                _inspect(inspection, engine)
                continue
            turn = self._ledger.await_turn(lane, timeout_s=self._idle_s if used else None)
            if turn is not None:
                if lane is Lane.BULK and model not in (None, turn.batch.model):
                    # Each model keeps the memory of its largest tile: 930 MB after one of 2136 x 2184.
                    _tidy(engine)
                self._run(turn, engine)
                self._ledger.end_turn(lane)
                model = turn.batch.model
            elif used and not self._ledger.running(lane):
                _tidy(engine)
            used = turn is not None

    def _run(self, turn: Turn, engine: Engine) -> None:
        """Run a batch; if it fails, run its halves, so that a bad tile fails alone."""
        batch = turn.batch
        start = self._ledger.began(batch)
        self._on_batch(len(batch.entries), batch.pixels)
        try:
            denoised = engine.run(batch.model, _stack(batch.tiles), wide=turn.wide)
        except OutOfDeviceMemory as exc:
            self._ledger.halve_budget(below_px=batch.pixels)
            self._retry(turn, engine, TileTooLarge("the device has no memory for one tile"), exc)
        except Exception as exc:
            # Any exception of the device fails these requests, not the service.
            self._retry(turn, engine, InferenceFailed("the device failed on this image"), exc)
        else:
            self._ledger.deliver(batch, denoised, start)

    def _retry(self, turn: Turn, engine: Engine, error: ServiceError, cause: Exception) -> None:
        batch = turn.batch
        self._ledger.failed(batch)
        if len(batch.entries) > 1:
            for half in batch.halves():
                self._run(Turn(half, turn.wide), engine)
            return
        level = logging.WARNING if isinstance(cause, EngineError) else logging.ERROR
        log.log(level, "a tile of shape %s failed", batch.tiles[0].shape, exc_info=cause)
        error.__cause__ = cause
        self._ledger.fail(batch.entries[0][0], error)


def _inspect(inspection: Inspection, engine: Engine) -> None:
    """Make a call; pass its failure to the caller, without ending the thread."""
    try:
        inspection.call(engine)
    except Exception as exc:
        inspection.done.set_exception(exc)
    else:
        inspection.done.set_result(None)


def _tidy(engine: Engine) -> None:
    """Release memory; a failure to do so does not end the thread."""
    try:
        engine.release()
        trim()
    except Exception:
        log.exception("the engine failed to release its memory")


def _stack(tiles: Sequence[FloatArray]) -> FloatArray:
    """Return a batch (B, C, P, Q), without copying a single contiguous tile."""
    return np.ascontiguousarray(tiles[0][None]) if len(tiles) == 1 else np.stack(tiles)
