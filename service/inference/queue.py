"""The thread that feeds the device, and the way in and out of it for coroutines."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from service.errors import InferenceFailed, NotReady, ServiceError
from service.inference.engine import Engine, EngineError, OutOfDeviceMemory
from service.inference.policy import Admission, Batch, BatchPolicy, Job
from service.inference.tiling import FloatArray

log = logging.getLogger(__name__)


class TileTooLarge(ServiceError):
    """One tile alone does not fit into the device's memory; smaller ones may."""


@dataclass(frozen=True)
class QueueState:
    """What an operator wants to know now.

    Attributes:
        jobs: Requests with tiles that wait.
        predicted_s: Seconds that those tiles will take.
        budget_px: Pixels of one batch.
        closed: Why no more jobs are taken, or None.
    """

    jobs: int
    predicted_s: float
    budget_px: int
    closed: str | None


@dataclass(eq=False)
class _Pending:
    """Who waits for a job."""

    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[list[FloatArray]]
    infer_s: float = 0.0


@dataclass(frozen=True)
class Denoised:
    """Results of one job: ``tiles`` (C, P, Q) in order, and the seconds that the device spent on them."""

    tiles: list[FloatArray]
    infer_s: float


class BatchQueue:
    """Runs jobs on one device, batch by batch, from a thread of its own.

    Args:
        engine: The device.
        policy: What runs next.
        clock: Seconds, monotonic.
    """

    def __init__(self, engine: Engine, policy: BatchPolicy, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._policy, self._clock = engine, policy, clock
        self._pending: dict[Job, _Pending] = {}
        self._changed = threading.Condition()
        self._closed: str | None = None
        self._stopping = self._ended = False
        self._thread = threading.Thread(target=self._work, name="biasfree-device", daemon=True)

    def start(self) -> None:
        """Start the device's thread."""
        self._thread.start()

    def require_room(self) -> None:
        """Refuse a request before anything is done for it.

        Raises:
            QueueFull: Too much is queued.
            NotReady: The queue drains, or its thread has died.
        """
        with self._changed:
            self._require_open()
            self._policy.require_room()

    @contextmanager
    def admission(self, model: str, pixels: int) -> Iterator[Admission]:
        """Room for one request, held while the context lasts.

        Args:
            model: Name of a loaded model.
            pixels: Pixels of all tiles that will be submitted, halos included.

        Raises:
            QueueFull: Too much is queued.
            NotReady: The queue drains, or its thread has died.
        """
        with self._changed:
            self._require_open()
            admission = self._policy.admit(model, pixels)
        try:
            yield admission
        finally:
            with self._changed:
                self._policy.release(admission)
                self._changed.notify_all()

    async def submit(self, admission: Admission, tiles: Sequence[FloatArray]) -> Denoised:
        """Denoise tiles of an admitted request.

        Cancelling the coroutine (its client left, its deadline passed) takes what has not started out of the queue.

        Args:
            admission: The request's room, from ``admission``.
            tiles: (C, P, Q) float32, all of one shape.

        Raises:
            TileTooLarge: A tile does not fit into the device's memory.
            InferenceFailed: The device failed on one of the tiles.
            NotReady: The thread has died.
        """
        job = Job(admission, tiles)
        loop = asyncio.get_running_loop()
        pending = _Pending(loop, loop.create_future())
        with self._changed:
            if self._ended:
                raise NotReady(self._closed or "the device's thread has ended")
            self._policy.add(job)
            self._pending[job] = pending
            self._changed.notify_all()
        try:
            results = await pending.future
        except asyncio.CancelledError:
            self._withdraw(job)
            raise
        return Denoised(results, pending.infer_s)

    @property
    def state(self) -> QueueState:
        """Depth, predicted seconds, budget, and whether it is open."""
        with self._changed:
            return QueueState(len(self._policy), self._policy.predicted_s, self._policy.budget_px, self._closed)

    def close(self) -> None:
        """Take no more jobs; those that are queued are finished."""
        with self._changed:
            self._closed = self._closed or "the service is shutting down"

    async def drain(self) -> None:
        """Close, wait for the admitted requests, and end the thread."""
        self.close()
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._policy.idle or self._ended)
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()

    def _require_open(self) -> None:
        if self._closed is not None:
            raise NotReady(self._closed)

    def _withdraw(self, job: Job) -> None:
        with self._changed:
            self._policy.remove(job)
            self._pending.pop(job, None)

    def _work(self) -> None:
        """The thread: batches until it is told to stop. Whatever ends it otherwise is told to everyone who waits."""
        try:
            while (batch := self._await_batch()) is not None:
                self._run(batch)
        except BaseException:
            log.critical("the device's thread died", exc_info=True)
        finally:
            self._abandon()

    def _await_batch(self) -> Batch | None:
        with self._changed:
            while not self._stopping:
                batch = self._policy.next_batch()
                if batch is not None:
                    return batch
                self._changed.wait()
        return None

    def _run(self, batch: Batch) -> None:
        """Run a batch; one that fails is run again in halves, so that a bad tile fails alone."""
        start = self._clock()
        try:
            denoised = self._engine.run(batch.model, _stack(batch.tiles))
        except OutOfDeviceMemory as exc:
            with self._changed:
                self._policy.halve_budget(below_px=batch.pixels)
            self._retry(batch, TileTooLarge("the device has no memory for one tile"), exc)
        except Exception as exc:
            # Whatever a device throws fails these requests, not the service.
            self._retry(batch, InferenceFailed("the device failed on this image"), exc)
        else:
            self._deliver(batch, denoised, self._clock() - start)

    def _retry(self, batch: Batch, error: ServiceError, cause: Exception) -> None:
        if len(batch.entries) > 1:
            for half in batch.halves():
                self._run(half)
            return
        level = logging.WARNING if isinstance(cause, EngineError) else logging.ERROR
        log.log(level, "a tile of %s failed alone", batch.tiles[0].shape, exc_info=cause)
        error.__cause__ = cause
        with self._changed:
            self._fail(batch.entries[0][0], error)

    def _deliver(self, batch: Batch, denoised: FloatArray, seconds: float) -> None:
        with self._changed:
            self._policy.observe(batch, seconds)
            for (job, index), tile in zip(batch.entries, denoised, strict=True):
                pending = self._pending.get(job)
                if pending is None:  # its client has left
                    continue
                job.results[index] = tile
                pending.infer_s += seconds / len(batch.entries)
                if job.complete:
                    del self._pending[job]
                    results = [job.results[place] for place in range(len(job.tiles))]
                    _resolve(pending, results)

    def _fail(self, job: Job, error: ServiceError) -> None:
        self._policy.remove(job)
        pending = self._pending.pop(job, None)
        if pending is not None:
            _resolve(pending, error)

    def _abandon(self) -> None:
        """The thread ends: nobody may go on waiting for it."""
        with self._changed:
            self._ended = True
            self._closed = self._closed or "the device's thread has died"
            for pending in self._pending.values():
                _resolve(pending, NotReady(self._closed))
            self._pending.clear()
            self._changed.notify_all()


def _stack(tiles: Sequence[FloatArray]) -> FloatArray:
    """A batch (B, C, P, Q); a single tile that is contiguous is not copied."""
    return np.ascontiguousarray(tiles[0][None]) if len(tiles) == 1 else np.stack(tiles)


def _resolve(pending: _Pending, outcome: list[FloatArray] | ServiceError) -> None:
    """Hand an outcome to the coroutine's own loop; one whose loop has closed no longer waits."""

    def settle() -> None:
        if pending.future.done():
            return
        if isinstance(outcome, ServiceError):
            pending.future.set_exception(outcome)
        else:
            pending.future.set_result(outcome)

    try:
        pending.loop.call_soon_threadsafe(settle)
    except RuntimeError:
        log.info("the loop of a waiting request was closed")
