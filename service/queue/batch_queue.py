"""The asynchronous interface to a device's queue."""

import asyncio
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass

from biasfree.engines.engine import Engine
from biasfree.pixels import FloatArray
from service.queue.ledger import BatchRun, Inspection, Ledger, Pending, QueueState
from service.queue.policy import Admission, BatchPolicy, Job, Lane
from service.queue.progress import CURRENT, Standing
from service.queue.workers import Workers

#: Long enough that a client which sends large images one after the other does not wait for fresh memory each time.
IDLE_S = 5.0


@dataclass(frozen=True)
class Denoised:
    """The results of one job.

    Attributes:
        tiles: (C, P, Q), in order.
        infer_s: Seconds that the device spent on them.
        batches: Batches that contained them, in the order in which they ended.
    """

    tiles: list[FloatArray]
    infer_s: float
    batches: tuple[BatchRun, ...] = ()


class BatchQueue:
    """A queue that runs jobs on one device, batch by batch.

    Args:
        engines: The engine of each lane that ``policy`` uses.
        policy: Decides what runs next.
        on_death: Called from a thread that died, after every waiting request has failed.
        on_batch: Called from the device threads with the tiles and pixels of every batch that starts.
        idle_s: Seconds without work after which a lane frees its memory.
        clock: Monotonic clock in seconds.
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
        self._clock, self._lanes = clock, list(engines)
        self._ledger = Ledger(policy, {lane: engine.workers for lane, engine in engines.items()}, clock=clock)
        self._workers = Workers(engines, self._ledger, on_death=on_death, on_batch=on_batch, idle_s=idle_s)

    def start(self) -> None:
        """Start the device threads."""
        self._workers.start()

    @property
    def on_death(self) -> Callable[[], None]:
        """Return the function called from a device thread that died."""
        return self._workers.on_death

    @on_death.setter
    def on_death(self, call: Callable[[], None]) -> None:
        self._workers.on_death = call

    def require_room(self) -> None:
        """Refuse a request before doing any work for it.

        Raises:
            QueueFull: Too much work is queued.
            NotReady: The queue is closed, or a device thread has died.
        """
        self._ledger.require_room()

    @contextmanager
    def admission(self, model: str, pixels: int, *, beside: Admission | None = None) -> Iterator[Admission]:
        """Reserve room for one request while the context lasts.

        Args:
            model: Name of a loaded model.
            pixels: Number of pixels of all tiles to be submitted, halos included.
            beside: The same request's admission for another model.

        Raises:
            QueueFull: Too much work is queued.
            NotReady: The queue is closed, or a device thread has died.
        """
        admission = self._ledger.admit(model, pixels, beside=beside)
        try:
            yield admission
        finally:
            self._ledger.release(admission)

    def standing(self, admissions: Collection[Admission], *, most_px: float) -> Standing:
        """Return where a request with these admissions stands."""
        return self._ledger.standing(admissions, most_px=most_px)

    def forgo(self, admission: Admission) -> None:
        """Give back the room of an admission that is no longer needed, before its context ends."""
        self._ledger.release(admission)

    async def submit(self, admission: Admission, tiles: Sequence[FloatArray]) -> Denoised:
        """Denoise the tiles of an admitted request.

        Canceling the coroutine (the client disconnected, the deadline passed) removes the tiles that have not started.

        Args:
            admission: The request's room, from ``admission``.
            tiles: (C, P, Q) float32, all of one shape.

        Raises:
            TileTooLarge: A tile does not fit in the device's memory.
            InferenceFailed: The device failed on one of the tiles.
            NotReady: A device thread has died.
        """
        job = Job(admission, tiles)
        loop = asyncio.get_running_loop()
        pending = Pending(loop, loop.create_future(), self._clock(), progress=CURRENT.get())
        self._ledger.add(job, pending)
        try:
            results = await pending.future
        except asyncio.CancelledError:
            self._ledger.withdraw(job)
            raise
        return Denoised(results, pending.infer_s, tuple(pending.batches))

    @property
    def lanes(self) -> Sequence[Lane]:
        """Return the lanes that have an engine."""
        return self._lanes

    def inspect(self, lane: Lane, call: Callable[[Engine], None]) -> Future[None]:
        """Have a thread of a lane make a short call with its engine, before its next batch.

        Returns:
            The outcome: the exception raised by ``call``, or ``NotReady`` if the threads have ended.
        """
        inspection = Inspection(call, Future())
        self._ledger.inspect(lane, inspection)
        return inspection.done

    @property
    def state(self) -> QueueState:
        """Return depth, predicted seconds, budget, and whether it is open."""
        return self._ledger.state

    def close(self) -> None:
        """Accept no more jobs; queued jobs are finished."""
        self._ledger.close()

    async def drain(self) -> None:
        """Close, wait for the admitted requests, and stop the threads."""
        self.close()
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        self._ledger.stop_when_idle()
        self._workers.join()
