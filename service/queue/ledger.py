"""The jobs in progress, behind one lock: coroutines add and withdraw them, threads take and finish them."""

import asyncio
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field

from biasfree.engines.engine import Engine
from biasfree.pixels import FloatArray
from service.errors import NotReady, ServiceError
from service.queue.policy import Admission, Batch, BatchPolicy, Job, Lane
from service.queue.progress import Progress, Standing

log = logging.getLogger(__name__)


class TileTooLarge(ServiceError):
    """A single tile does not fit in the device's memory; smaller ones may."""


@dataclass(frozen=True)
class QueueState:
    """A snapshot of the queue for operators.

    Attributes:
        jobs: Requests with waiting tiles.
        tiles: Waiting tiles.
        pixels: Pixels of admitted tiles that are not done, halos included.
        predicted_s: Predicted seconds of admitted work.
        budget_px: Maximum pixels per batch.
        batches: Number of batches since the start.
        closed: Why no more jobs are accepted, or None.
        died: True if that is because a device thread has died.
    """

    jobs: int
    tiles: int
    pixels: int
    predicted_s: float
    budget_px: int
    batches: int
    closed: str | None
    died: bool


@dataclass(frozen=True)
class BatchRun:
    """A batch on the device, from the view of one job in it.

    Attributes:
        queued_s: When the job was queued, in seconds on the queue's clock, like all times here.
        start_s: When the batch started.
        end_s: When it ended.
        tiles: Number of tiles in it, over all jobs.
        pixels: Pixels of these tiles, halos included.
    """

    queued_s: float
    start_s: float
    end_s: float
    tiles: int
    pixels: int


@dataclass(eq=False)
class Pending:
    """A coroutine waiting for a job."""

    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[list[FloatArray]]
    queued_s: float
    infer_s: float = 0.0
    batches: list[BatchRun] = field(default_factory=list)
    progress: Progress | None = None


@dataclass(frozen=True)
class Inspection:
    """A call to make with an engine between its batches."""

    call: Callable[[Engine], None]
    done: Future[None]


@dataclass(frozen=True)
class Turn:
    """A worker's next batch, to run on all threads of the engine or on one."""

    batch: Batch
    wide: bool


class Ledger:
    """The jobs of one device.

    Args:
        policy: Decides what runs next.
        workers: Number of threads per lane.
        clock: Monotonic clock in seconds.
    """

    def __init__(
        self, policy: BatchPolicy, workers: Mapping[Lane, int], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._policy, self._workers, self._clock = policy, workers, clock
        self._pending: dict[Job, Pending] = {}
        self._changed = threading.Condition()
        self._closed: str | None = None
        self._stopping = self._ended = self._died = False
        self._batches = 0
        self._running = dict.fromkeys(workers, 0)
        self._inspections: dict[Lane, deque[Inspection]] = {lane: deque() for lane in workers}

    # For coroutines.

    def require_room(self) -> None:
        """Refuse a request before doing any work for it; errors as in ``admit``."""
        with self._changed:
            self._require_open()
            self._policy.require_room()

    def admit(self, model: str, pixels: int, *, beside: Admission | None) -> Admission:
        """Reserve room for a request; errors as in ``BatchQueue.admission``."""
        with self._changed:
            self._require_open()
            return self._policy.admit(model, pixels, beside=beside)

    def release(self, admission: Admission) -> None:
        """Give back the room of a request."""
        with self._changed:
            self._policy.release(admission)
            self._changed.notify_all()

    def add(self, job: Job, pending: Pending) -> None:
        """Queue a job.

        Raises:
            NotReady: The threads have ended.
        """
        with self._changed:
            if self._ended:
                raise NotReady(self._closed or "the device threads have ended")
            self._policy.add(job)
            self._pending[job] = pending
            self._changed.notify_all()

    def withdraw(self, job: Job) -> None:
        """Remove the tiles of a job that have not started."""
        with self._changed:
            self._policy.remove(job)
            self._pending.pop(job, None)

    def inspect(self, lane: Lane, inspection: Inspection) -> None:
        """Queue a call; it fails with ``NotReady`` if the threads have ended."""
        with self._changed:
            if self._ended:
                inspection.done.set_exception(NotReady(self._closed or "the device threads have ended"))
            else:
                self._inspections[lane].append(inspection)
                self._changed.notify_all()

    @property
    def state(self) -> QueueState:
        """Return a consistent snapshot: depth, predicted seconds, budget, and whether the queue is open."""
        with self._changed:
            return QueueState(
                jobs=len(self._policy),
                tiles=sum(self._policy.waiting(lane) for lane in Lane),
                pixels=self._policy.pixels,
                predicted_s=self._policy.predicted_s,
                budget_px=self._policy.budget_px,
                batches=self._batches,
                closed=self._closed,
                died=self._died,
            )

    def standing(self, admissions: Collection[Admission], *, most_px: float) -> Standing:
        """Return the place and the predicted seconds of an admitted request."""
        with self._changed:
            return Standing(
                self._policy.place(admissions), self._policy.left_s(admissions, self._clock(), most_px=most_px)
            )

    def close(self) -> None:
        """Accept no more jobs; queued jobs are finished."""
        with self._changed:
            self._closed = self._closed or "the service is shutting down"

    def stop_when_idle(self) -> None:
        """Wait for the admitted requests, then stop the threads."""
        with self._changed:
            self._changed.wait_for(lambda: self._policy.idle or self._ended)
            self._stopping = True
            self._changed.notify_all()

    # For the device threads.

    @property
    def stopping(self) -> bool:
        """Tell whether the threads must stop."""
        return self._stopping

    def running(self, lane: Lane) -> int:
        """Return the number of running batches of a lane."""
        return self._running[lane]

    def next_inspection(self, lane: Lane) -> Inspection | None:
        """Return the next call of a lane, if there is one."""
        with self._changed:
            return self._inspections[lane].popleft() if self._inspections[lane] else None

    def await_turn(self, lane: Lane, *, timeout_s: float | None) -> Turn | None:
        """Return the next batch for a thread; None after the timeout, for an inspection, or at the end."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._stopping or self._has_turn(lane) or bool(self._inspections[lane]), timeout_s
            )
            if self._stopping or not self._has_turn(lane):
                return None
            wide = not self._side_by_side(lane)
            batch = self._policy.next_batch(lane, at_most=None if wide else self._fair_share(lane))
            assert batch is not None
            self._running[lane] += 1
            return Turn(batch, wide)

    def end_turn(self, lane: Lane) -> None:
        """Record that a thread is free again."""
        with self._changed:
            self._running[lane] -= 1
            self._changed.notify_all()

    def began(self, batch: Batch) -> float:
        """Record that a batch starts, and return the time."""
        with self._changed:
            now = self._clock()
            self._policy.began(batch, now)
            self._batches += 1
            for job, _ in batch.entries:
                pending = self._pending.get(job)
                if pending is not None and pending.progress is not None:
                    pending.progress.begun = True
        return now

    def failed(self, batch: Batch) -> None:
        """Record that a batch ended without a result."""
        with self._changed:
            self._policy.failed(batch, self._clock())

    def halve_budget(self, *, below_px: int) -> None:
        """Make batches smaller than one that did not fit."""
        with self._changed:
            self._policy.halve_budget(below_px=below_px)

    def fail(self, job: Job, error: ServiceError) -> None:
        """Fail a job."""
        with self._changed:
            self._policy.remove(job)
            pending = self._pending.pop(job, None)
            if pending is not None:
                _resolve(pending, error)

    def deliver(self, batch: Batch, denoised: FloatArray, start: float) -> None:
        """Deliver the results of a batch to its jobs."""
        with self._changed:
            end = self._clock()
            self._policy.done(batch, end)
            tiles, pixels = len(batch.entries), batch.pixels
            for (job, index), tile in zip(batch.entries, denoised, strict=True):
                pending = self._pending.get(job)
                if pending is None:  # its client has disconnected
                    continue
                job.results[index] = tile
                if pending.progress is not None:
                    pending.progress.done()
                pending.infer_s += (end - start) / tiles
                if not pending.batches or pending.batches[-1].start_s != start:
                    pending.batches.append(BatchRun(pending.queued_s, start, end, tiles, pixels))
                if job.complete:
                    del self._pending[job]
                    results = [job.results[place] for place in range(len(job.tiles))]
                    _resolve(pending, results)

    def abandon(self, *, died: bool) -> None:
        """Stop all threads, and fail every waiting request and call."""
        with self._changed:
            self._died = self._died or died
            self._ended = self._stopping = True
            self._closed = self._closed or "a device thread has died"
            for pending in self._pending.values():
                _resolve(pending, NotReady(self._closed))
            self._pending.clear()
            for inspections in self._inspections.values():
                while inspections:
                    inspections.popleft().done.set_exception(NotReady(self._closed))
            self._changed.notify_all()

    def _require_open(self) -> None:
        if self._closed is not None:
            raise NotReady(self._closed)

    def _has_turn(self, lane: Lane) -> bool:
        return bool(self._policy.waiting(lane)) and (not self._running[lane] or self._side_by_side(lane))

    def _side_by_side(self, lane: Lane) -> bool:
        """Tell whether there are enough tiles for every worker of a lane with several."""
        workers = self._workers[lane]
        return workers > 1 and self._running[lane] + self._policy.waiting(lane) >= workers

    def _fair_share(self, lane: Lane) -> int:
        """Return the number of tiles for one free worker that leaves some for the others."""
        free = max(1, self._workers[lane] - self._running[lane])
        return math.ceil(self._policy.waiting(lane) / free)


def _resolve(pending: Pending, outcome: list[FloatArray] | ServiceError) -> None:
    """Deliver an outcome to the coroutine's event loop, unless that loop has closed."""

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
        log.info("the event loop of a waiting request was closed")
