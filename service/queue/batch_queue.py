"""The threads that feed the device, and the way in and out of them for coroutines."""

import asyncio
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from biasfree.engines.engine import Engine, EngineError, OutOfDeviceMemory
from biasfree.pixels import FloatArray
from service.errors import InferenceFailed, NotReady, ServiceError
from service.queue.heap import trim
from service.queue.policy import Admission, Batch, BatchPolicy, Job, Lane
from service.queue.priority import give_way

log = logging.getLogger(__name__)

#: Long enough that a client which sends large images one after the other does not pay for fresh memory each time.
IDLE_S = 5.0


class TileTooLarge(ServiceError):
    """One tile alone does not fit into the device's memory; smaller ones may."""


@dataclass(frozen=True)
class QueueState:
    """What an operator wants to know now.

    Attributes:
        jobs: Requests with tiles that wait.
        tiles: Tiles that wait.
        pixels: Pixels of tiles, halos included, that are admitted and not done.
        predicted_s: Seconds that the admitted work will take.
        budget_px: Pixels of one batch.
        batches: How many the device was given since the start.
        closed: Why no more jobs are taken, or None.
        died: Whether that is because a thread of the device has died.
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
    """A batch on the device, as one of the jobs in it sees it.

    Attributes:
        queued_s: When the job was queued; seconds on the queue's clock, as all of these.
        start_s: When the batch started.
        end_s: When it ended.
        tiles: Of all jobs in it.
        pixels: Of these tiles, halos included.
    """

    queued_s: float
    start_s: float
    end_s: float
    tiles: int
    pixels: int


@dataclass(eq=False)
class _Pending:
    """Who waits for a job, and since when."""

    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[list[FloatArray]]
    queued_s: float
    infer_s: float = 0.0
    batches: list[BatchRun] = field(default_factory=list)


@dataclass(frozen=True)
class Denoised:
    """Results of one job.

    Attributes:
        tiles: (C, P, Q), in order.
        infer_s: Seconds that the device spent on them.
        batches: That they were in, in the order in which these ended.
    """

    tiles: list[FloatArray]
    infer_s: float
    batches: tuple[BatchRun, ...] = ()


@dataclass(frozen=True)
class _Inspection:
    """Something to be done with an engine between its batches."""

    call: Callable[[Engine], None]
    done: Future[None]


@dataclass(frozen=True)
class _Turn:
    """What a worker does next: a batch, on all threads of the engine or on one."""

    batch: Batch
    wide: bool


class BatchQueue:
    """Runs jobs on one device, batch by batch, from as many threads for each lane as its engine has workers.

    One batch that is alone in its lane has all of the engine's threads. Only where there are as many tiles as workers
    do batches run side by side, a thread each.

    Args:
        engines: The device, for each lane that ``policy`` uses.
        policy: What runs next.
        on_death: Called from the thread that died, when everybody who waits has been answered.
        on_batch: Called from the device's threads with the tiles and pixels of every batch that starts.
        idle_s: A lane without work for so long gives memory back.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        engines: Mapping[Lane, Engine],
        policy: BatchPolicy,
        *,
        on_death: Callable[[], None] = lambda: None,
        on_batch: Callable[[int, int], None] = lambda tiles, pixels: None,
        idle_s: float = IDLE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engines, self._policy, self._clock = dict(engines), policy, clock
        self.on_death, self._on_batch, self._idle_s = on_death, on_batch, idle_s
        self._pending: dict[Job, _Pending] = {}
        self._changed = threading.Condition()
        self._closed: str | None = None
        self._stopping = self._ended = self._died = False
        self._batches = 0
        self._running = dict.fromkeys(engines, 0)
        self._inspections: dict[Lane, deque[_Inspection]] = {lane: deque() for lane in engines}
        self._threads = [
            threading.Thread(target=self._work, args=(lane,), name=f"biasfree-{lane}-{number}", daemon=True)
            for lane, engine in engines.items()
            for number in range(engine.workers)
        ]

    def start(self) -> None:
        """Start the device's threads."""
        for thread in self._threads:
            thread.start()

    def require_room(self) -> None:
        """Refuse a request before anything is done for it.

        Raises:
            QueueFull: Too much is queued.
            NotReady: The queue drains, or a thread of the device has died.
        """
        with self._changed:
            self._require_open()
            self._policy.require_room()

    @contextmanager
    def admission(self, model: str, pixels: int, *, beside: Admission | None = None) -> Iterator[Admission]:
        """Room for one request, held while the context lasts.

        Args:
            model: Name of a loaded model.
            pixels: Pixels of all tiles that will be submitted, halos included.
            beside: The same request's admission for another model.

        Raises:
            QueueFull: Too much is queued.
            NotReady: The queue drains, or a thread of the device has died.
        """
        with self._changed:
            self._require_open()
            admission = self._policy.admit(model, pixels, beside=beside)
        try:
            yield admission
        finally:
            self.forgo(admission)

    def forgo(self, admission: Admission) -> None:
        """Give back the room of an admission under which nothing more is submitted, before its context ends."""
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
            NotReady: A thread of the device has died.
        """
        job = Job(admission, tiles)
        loop = asyncio.get_running_loop()
        pending = _Pending(loop, loop.create_future(), self._clock())
        with self._changed:
            if self._ended:
                raise NotReady(self._closed or "the device's threads have ended")
            self._policy.add(job)
            self._pending[job] = pending
            self._changed.notify_all()
        try:
            results = await pending.future
        except asyncio.CancelledError:
            self._withdraw(job)
            raise
        return Denoised(results, pending.infer_s, tuple(pending.batches))

    @property
    def lanes(self) -> Sequence[Lane]:
        """Those that have an engine."""
        return list(self._engines)

    def inspect(self, lane: Lane, call: Callable[[Engine], None]) -> Future[None]:
        """Have a thread of a lane call something short with its engine, before its next batch.

        Returns:
            What becomes of it: the exception that ``call`` raised, or ``NotReady`` where the threads have ended.
        """
        inspection = _Inspection(call, Future())
        with self._changed:
            if self._ended:
                inspection.done.set_exception(NotReady(self._closed or "the device's threads have ended"))
            else:
                self._inspections[lane].append(inspection)
                self._changed.notify_all()
        return inspection.done

    @property
    def state(self) -> QueueState:
        """Depth, predicted seconds, budget, and whether it is open."""
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

    def close(self) -> None:
        """Take no more jobs; those that are queued are finished."""
        with self._changed:
            self._closed = self._closed or "the service is shutting down"

    async def drain(self) -> None:
        """Close, wait for the admitted requests, and end the threads."""
        self.close()
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._policy.idle or self._ended)
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _require_open(self) -> None:
        if self._closed is not None:
            raise NotReady(self._closed)

    def _withdraw(self, job: Job) -> None:
        with self._changed:
            self._policy.remove(job)
            self._pending.pop(job, None)

    def _work(self, lane: Lane) -> None:
        """A thread: batches until it is told to stop. Whatever ends it otherwise is told to everyone who waits."""
        died = False
        try:
            if lane is Lane.BULK:
                give_way()
            self._serve(lane, self._engines[lane])
        except BaseException:
            log.critical("the device's thread died", exc_info=True)
            self._died = died = True
        finally:
            self._abandon()
        if died:
            self.on_death()

    def _serve(self, lane: Lane, engine: Engine) -> None:
        """Batch after batch; a lane that has been idle for a while gives back the memory that was kept for it."""
        used = False
        while not self._stopping:
            if inspection := self._next_inspection(lane):
                _inspect(inspection, engine)
                continue
            turn = self._await_turn(lane, timeout_s=self._idle_s if used else None)
            if turn is not None:
                self._run(turn, engine)
                with self._changed:
                    self._running[lane] -= 1
                    self._changed.notify_all()
            elif used and not self._running[lane]:
                _tidy(engine)
            used = turn is not None

    def _await_turn(self, lane: Lane, *, timeout_s: float | None) -> _Turn | None:
        """The next batch for this thread; None if there is none in time, or no more at all."""
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
            return _Turn(batch, wide)

    def _next_inspection(self, lane: Lane) -> _Inspection | None:
        with self._changed:
            return self._inspections[lane].popleft() if self._inspections[lane] else None

    def _has_turn(self, lane: Lane) -> bool:
        return bool(self._policy.waiting(lane)) and (not self._running[lane] or self._side_by_side(lane))

    def _side_by_side(self, lane: Lane) -> bool:
        """Whether there is enough for every worker of a lane that has several."""
        workers = self._engines[lane].workers
        return workers > 1 and self._running[lane] + self._policy.waiting(lane) >= workers

    def _fair_share(self, lane: Lane) -> int:
        """Tiles for one of the workers that are free, so that the others find some as well."""
        free = max(1, self._engines[lane].workers - self._running[lane])
        return math.ceil(self._policy.waiting(lane) / free)

    def _run(self, turn: _Turn, engine: Engine) -> None:
        """Run a batch; one that fails is run again in halves, so that a bad tile fails alone."""
        batch = turn.batch
        start = self._begin(batch)
        try:
            denoised = engine.run(batch.model, _stack(batch.tiles), wide=turn.wide)
        except OutOfDeviceMemory as exc:
            with self._changed:
                self._policy.halve_budget(below_px=batch.pixels)
            self._retry(turn, engine, TileTooLarge("the device has no memory for one tile"), exc)
        except Exception as exc:
            # Whatever a device throws fails these requests, not the service.
            self._retry(turn, engine, InferenceFailed("the device failed on this image"), exc)
        else:
            self._deliver(batch, denoised, start)

    def _begin(self, batch: Batch) -> float:
        with self._changed:
            now = self._clock()
            self._policy.began(batch, now)
            self._batches += 1
        self._on_batch(len(batch.entries), batch.pixels)
        return now

    def _retry(self, turn: _Turn, engine: Engine, error: ServiceError, cause: Exception) -> None:
        batch = turn.batch
        with self._changed:
            self._policy.failed(batch, self._clock())
        if len(batch.entries) > 1:
            for half in batch.halves():
                self._run(_Turn(half, turn.wide), engine)
            return
        level = logging.WARNING if isinstance(cause, EngineError) else logging.ERROR
        log.log(level, "a tile of %s failed alone", batch.tiles[0].shape, exc_info=cause)
        error.__cause__ = cause
        with self._changed:
            self._fail(batch.entries[0][0], error)

    def _deliver(self, batch: Batch, denoised: FloatArray, start: float) -> None:
        with self._changed:
            end = self._clock()
            self._policy.done(batch, end)
            tiles, pixels = len(batch.entries), batch.pixels
            for (job, index), tile in zip(batch.entries, denoised, strict=True):
                pending = self._pending.get(job)
                if pending is None:  # its client has left
                    continue
                job.results[index] = tile
                pending.infer_s += (end - start) / tiles
                if not pending.batches or pending.batches[-1].start_s != start:
                    pending.batches.append(BatchRun(pending.queued_s, start, end, tiles, pixels))
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
        """A thread ends, and the others with it: nobody may go on waiting for them."""
        with self._changed:
            self._ended = self._stopping = True
            self._closed = self._closed or "a thread of the device has died"
            for pending in self._pending.values():
                _resolve(pending, NotReady(self._closed))
            self._pending.clear()
            for inspections in self._inspections.values():
                while inspections:
                    inspections.popleft().done.set_exception(NotReady(self._closed))
            self._changed.notify_all()


def _inspect(inspection: _Inspection, engine: Engine) -> None:
    """Whatever goes wrong with it is told to who asked for it, and is no reason to lose the device."""
    try:
        inspection.call(engine)
    except Exception as exc:
        inspection.done.set_exception(exc)
    else:
        inspection.done.set_result(None)


def _tidy(engine: Engine) -> None:
    """Release memory; what goes wrong with that is no reason to lose the device."""
    try:
        engine.release()
        trim()
    except Exception:
        log.exception("the engine did not give its memory back")


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
