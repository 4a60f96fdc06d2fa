"""The wall between the service and its analyses: one killable process, and a short queue before it.

Behind a wall of the same kind are the classical denoisers.
"""

import asyncio
import logging
import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from anyio import BrokenWorkerProcess, to_process

from service.errors import AnalysisFailed, DeadlineExceeded, NotReady, QueueFull, ServiceError
from service.sandbox.confine import Confinement, confine, confined, guarded

log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")

#: Seconds that an analysis is taken to last until one was measured.
FIRST_GUESS_S = 10.0
#: Seconds for the start of a process, which takes two or three.
START_LIMIT_S = 60.0
#: Weight of an analysis in the mean duration: a few decide, and one long one does not.
SMOOTHING = 0.2


@dataclass(frozen=True)
class BulkheadState:
    """What an operator wants to know now.

    Attributes:
        running: Analyses that run, 0 or 1.
        waiting: Analyses that wait for their turn.
        closed: Why no more are taken, or None.
    """

    running: int
    waiting: int
    closed: str | None


class Bulkhead:
    """Makes calls in a process of their own, one at a time, in the order they came.

    The process is started by ``warm`` or by the first call, and kept. Whatever ends a call before it has its result
    (its deadline, its client, memory) ends the process with it, and a fresh one is started at once. Bulkheads of one
    event loop share what is idle: as many processes are kept as calls were made at the same time.

    Args:
        waiting: Calls that may wait while one runs.
        timeout_s: Seconds for one call, waiting included; the start of a process, a few seconds, is not counted.
        confinement: What the process may take.
        prepare: What the process does when it starts; a function of a module.
        what: A call, in words.
        failed: What a call ends with whose process died.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        *,
        waiting: int,
        timeout_s: float,
        confinement: Confinement,
        prepare: Callable[[], None] | None = None,
        what: str = "analysis",
        failed: type[ServiceError] = AnalysisFailed,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._waiting, self._timeout_s = waiting, timeout_s
        self._confinement, self._prepare, self._clock = confinement, prepare, clock
        self._what, self._failed = what, failed
        self._admitted = 0
        self._turn = asyncio.Lock()
        self._starting: asyncio.Task[None] | None = None
        self._mean_s: float | None = None
        self._closed: str | None = None

    @property
    def state(self) -> BulkheadState:
        """How many calls run and wait, and whether more are taken."""
        running = min(1, self._admitted)
        return BulkheadState(running, self._admitted - running, self._closed)

    def require_room(self) -> None:
        """Refuse a request before anything is done for it.

        Raises:
            QueueFull: As many calls wait as may; ``facts`` has ``limit`` and ``actual`` in calls, and
                ``retry_after_s`` after which all of them will be over.
            NotReady: No more calls are taken.
        """
        state = self.state
        if state.closed is not None:
            raise NotReady(state.closed)
        if state.running and state.waiting >= self._waiting:
            raise QueueFull(
                f"one {self._what} runs and {state.waiting} wait, at most {self._waiting} may",
                limit=self._waiting,
                actual=state.waiting,
                retry_after_s=self._admitted * (FIRST_GUESS_S if self._mean_s is None else self._mean_s),
            )

    async def run(self, call: Callable[[T], R], task: T) -> R:
        """Wait for the turn, and make a call in the process.

        Cancelling the coroutine (its client left) takes it out of the queue, or kills the process.

        Args:
            call: A function of a module, which the process imports.
            task: Its argument.

        Raises:
            QueueFull: As ``require_room``.
            NotReady: As ``require_room``.
            DeadlineExceeded: ``timeout_s`` passed; the process was killed.
            AnalysisFailed: The process died, or a temporary file cannot be written; or ``failed``, where that is
                another.
            ServiceError: The call raised it.
            UnforeseenError: The call raised something else.
        """
        self.require_room()
        self._admitted += 1
        try:
            async with asyncio.timeout(self._timeout_s) as deadline, self._turn:
                await self._uncounted(deadline)
                return await self._measured(call, task)
        except TimeoutError as exc:
            raise DeadlineExceeded(
                f"the {self._what} did not end within {self._timeout_s:g} s, waiting included", limit=self._timeout_s
            ) from exc
        finally:
            self._admitted -= 1

    def warm(self) -> None:
        """Start a process in the background if there is none, so that the next call need not wait for it."""
        if self._closed is None:
            self._start()

    def close(self) -> None:
        """Take no more calls; those that were let in are finished."""
        self._closed = self._closed or "the service is shutting down"

    async def end(self) -> None:
        """Close, and leave nothing behind in the background; the event loop ends the process with itself."""
        self.close()
        if self._starting is not None:
            await asyncio.wait([self._starting])

    async def _measured(self, call: Callable[[T], R], task: T) -> R:
        """Make a call, and learn how long one keeps the place."""
        begun, finished = self._clock(), False
        try:
            result = await self._in_process(call, task)
            finished = True
            return result
        except (BrokenWorkerProcess, MemoryError) as exc:
            log.warning("the process of the %s died: %s", self._what, exc)
            raise self._failure() from exc
        except OSError as exc:  # the disk's: what the call raises itself comes as UnforeseenError
            log.warning("the task of the %s could not be written: %s", self._what, exc)
            raise self._failed(f"the task of the {self._what} could not be written into a temporary file") from exc
        finally:
            if not finished:  # and so, most likely, is the process
                self.warm()
            seconds = self._clock() - begun
            mean_s = seconds if self._mean_s is None else self._mean_s
            self._mean_s = mean_s + SMOOTHING * (seconds - mean_s)

    async def _in_process(self, call: Callable[[T], R], task: T) -> R:
        """Hand the task over in a file.

        Through the pipe, a process without the memory for an image would answer before it has read all of it, and the
        two would wait for each other until the deadline.
        """
        with TemporaryDirectory(prefix="biasfree-", ignore_cleanup_errors=True) as folder:
            path = Path(folder, "task")
            await asyncio.to_thread(_write, path, (call, task))
            result: R = await to_process.run_sync(confined, self._confinement, path, cancellable=True)
            return result

    async def _uncounted(self, deadline: asyncio.Timeout) -> None:
        """Have a process; the deadline is put off by the time that takes, within ``START_LIMIT_S``."""
        when, begun = deadline.when(), asyncio.get_running_loop().time()
        assert when is not None
        deadline.reschedule(begun + START_LIMIT_S)
        await self._started()
        deadline.reschedule(when + asyncio.get_running_loop().time() - begun)

    async def _started(self) -> None:
        """Have a process. Its start is never cancelled: anyio would lose sight of the process, and it would stay."""
        try:
            await asyncio.shield(self._start())
        except BrokenWorkerProcess as exc:
            raise self._failure() from exc

    def _start(self) -> asyncio.Task[None]:
        """The start that is under way, or a new one; a process that is there already passes it in no time."""
        if self._starting is None or self._starting.done():
            self._starting = asyncio.create_task(self._prepared())
            self._starting.add_done_callback(_log_failure)
        return self._starting

    async def _prepared(self) -> None:
        """Two calls: with the second comes NumPy, whose threads the first has to bound before they are there."""
        await to_process.run_sync(confine, self._confinement)
        if self._prepare is not None:
            await to_process.run_sync(guarded, self._prepare)

    def _failure(self) -> ServiceError:
        limit = self._confinement.memory_bytes
        if limit is None:
            return self._failed(f"the process of the {self._what} died, most likely because memory ran out")
        return self._failed(
            f"the process of the {self._what} died, most likely because it needed more memory than "
            f"BIASFREE_ANALYSIS_MEMORY_BYTES={limit}",
            limit=limit,
        )


def _log_failure(start: asyncio.Task[None]) -> None:
    """Tell of a start that failed even if no call waited for it."""
    if not start.cancelled() and (failure := start.exception()) is not None:
        log.warning("the analysis process could not be started: %r", failure)


def _write(path: Path, work: object) -> None:
    with path.open("wb") as file:
        pickle.dump(work, file, pickle.HIGHEST_PROTOCOL)
