"""The isolation of analyses from the service: one process that can be killed, with a short queue.

The classical denoisers use a bulkhead of the same kind.
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

#: Assumed duration of an analysis until one has been measured, in seconds.
FIRST_GUESS_S = 10.0
#: Time limit for the start of a process, which takes two or three seconds.
START_LIMIT_S = 60.0
#: Weight of an analysis in the mean duration: several analyses change it, a single long one does not.
SMOOTHING = 0.2


@dataclass(frozen=True)
class BulkheadState:
    """A snapshot of a bulkhead for operators.

    Attributes:
        running: Running analyses, 0 or 1.
        waiting: Waiting analyses.
        closed: Why no more are accepted, or None.
    """

    running: int
    waiting: int
    closed: str | None


class Bulkhead:
    """A queue of calls that run in a separate process, one at a time, in order of arrival.

    ``warm`` or the first call starts the process, which is then kept. If a call ends without a result (deadline,
    disconnected client, memory), the process ends with it, and a new one starts at once. Bulkheads of one event loop
    share idle processes: there are as many processes as there were calls at the same time.

    Args:
        waiting: Maximum number of calls waiting while one runs.
        timeout_s: Time limit for one call, waiting included; the start of a process, a few seconds, does not count.
        confinement: Resource limits of the process.
        prepare: Module-level function that the process calls when it starts.
        what: Name of a call in messages.
        failed: Exception for a call whose process died.
        clock: Monotonic clock in seconds.
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
        """Return how many calls run and wait, and whether more are accepted."""
        running = min(1, self._admitted)
        return BulkheadState(running, self._admitted - running, self._closed)

    def require_room(self) -> None:
        """Refuse a request before doing any work for it.

        Raises:
            QueueFull: The maximum number of calls is waiting; ``facts`` has ``limit`` and ``actual`` in calls, and
                ``retry_after_s``, after which all of them should be done.
            NotReady: No more calls are accepted.
        """
        state = self.state
        if state.closed is not None:
            raise NotReady(state.closed)
        if state.running and state.waiting >= self._waiting:
            raise QueueFull(
                f"one {self._what} runs and {state.waiting} wait; at most {self._waiting} may wait: retry later",
                limit=self._waiting,
                actual=state.waiting,
                retry_after_s=self._admitted * (FIRST_GUESS_S if self._mean_s is None else self._mean_s),
            )

    async def run(self, call: Callable[[T], R], task: T) -> R:
        """Wait in the queue, then make a call in the process.

        Canceling the coroutine (the client disconnected) removes it from the queue, or kills the process.

        Args:
            call: Module-level function, which the process imports.
            task: Its argument.

        Raises:
            QueueFull: As in ``require_room``.
            NotReady: As in ``require_room``.
            DeadlineExceeded: ``timeout_s`` passed; the process was killed.
            AnalysisFailed: The process died, or a temporary file cannot be written; another exception if ``failed`` is
                set.
            ServiceError: The call raised it.
            UnforeseenError: The call raised another exception.
        """
        self.require_room()
        self._admitted += 1
        try:
            async with asyncio.timeout(self._timeout_s) as deadline, self._turn:
                await self._uncounted(deadline)
                return await self._measured(call, task)
        except TimeoutError as exc:
            raise DeadlineExceeded(
                f"the {self._what} did not finish within {self._timeout_s:g} s, waiting included: retry later",
                limit=self._timeout_s,
            ) from exc
        finally:
            self._admitted -= 1

    def warm(self) -> None:
        """Start a process in the background if there is none, so that the next call does not wait for it."""
        if self._closed is None:
            self._start()

    def close(self) -> None:
        """Accept no more calls; admitted calls are finished."""
        self._closed = self._closed or "the service is shutting down"

    async def end(self) -> None:
        """Close, and wait for a starting process; the event loop ends the process when it closes."""
        self.close()
        if self._starting is not None:
            await asyncio.wait([self._starting])

    async def _measured(self, call: Callable[[T], R], task: T) -> R:
        """Make a call, and update the mean duration."""
        begun, finished = self._clock(), False
        try:
            result = await self._in_process(call, task)
            finished = True
            return result
        except (BrokenWorkerProcess, MemoryError) as exc:
            log.warning("the process of the %s died: %s", self._what, exc)
            raise self._failure() from exc
        except OSError as exc:  # from the disk: exceptions of the call itself arrive as UnforeseenError
            log.warning("cannot write the task of the %s to a temporary file: %s", self._what, exc)
            raise self._failed(f"cannot write the task of the {self._what} to a temporary file") from exc
        finally:
            if not finished:  # most likely the process has ended too
                self.warm()
            seconds = self._clock() - begun
            mean_s = seconds if self._mean_s is None else self._mean_s
            self._mean_s = mean_s + SMOOTHING * (seconds - mean_s)

    async def _in_process(self, call: Callable[[T], R], task: T) -> R:
        """Pass the task to the process in a file.

        With a pipe, a process without enough memory for an image would answer before reading all of it, and both sides
        would wait for each other until the deadline.
        """
        with TemporaryDirectory(prefix="biasfree-", ignore_cleanup_errors=True) as folder:
            path = Path(folder, "task")
            await asyncio.to_thread(_write, path, (call, task))
            result: R = await to_process.run_sync(confined, self._confinement, path, cancellable=True)
            return result

    async def _uncounted(self, deadline: asyncio.Timeout) -> None:
        """Wait until there is a process, at most ``START_LIMIT_S``, and extend the deadline by that time."""
        when, begun = deadline.when(), asyncio.get_running_loop().time()
        assert when is not None
        deadline.reschedule(begun + START_LIMIT_S)
        await self._started()
        deadline.reschedule(when + asyncio.get_running_loop().time() - begun)

    async def _started(self) -> None:
        """Wait until there is a process. Its start is never canceled, because anyio would then leak the process."""
        try:
            await asyncio.shield(self._start())
        except BrokenWorkerProcess as exc:
            raise self._failure() from exc

    def _start(self) -> asyncio.Task[None]:
        """Return the start in progress, or begin a new one, which returns at once if there is a process."""
        if self._starting is None or self._starting.done():
            self._starting = asyncio.create_task(self._prepared())
            self._starting.add_done_callback(_log_failure)
        return self._starting

    async def _prepared(self) -> None:
        """Confine and prepare a process, in two calls: the second imports NumPy, whose threads the first limits."""
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
    """Log a failed start, even if no call waited for it."""
    if not start.cancelled() and (failure := start.exception()) is not None:
        log.warning("cannot start the analysis process: %r", failure)


def _write(path: Path, work: object) -> None:
    with path.open("wb") as file:
        pickle.dump(work, file, pickle.HIGHEST_PROTOCOL)
