"""The periodic check that the device still computes the golden tiles correctly."""

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future

from biasfree.card import Card
from biasfree.engines.engine import Engine
from service.queue.batch_queue import BatchQueue
from service.queue.golden import GoldenMismatch, check_golden

log = logging.getLogger(__name__)


class SelfCheck:
    """A periodic check of the golden tiles on every engine of a queue, between its batches.

    The device threads run it, so that no engine is used by more threads than it allows. A golden tile takes some
    milliseconds and waits for the running batch.

    Args:
        queue: Queue whose engines are checked.
        cards: Cards of the models, by name.
        interval_s: Seconds between the end of a check and the next.
        patience_s: How long a check may wait before the device counts as hanging.
        clock: Monotonic clock in seconds.
    """

    def __init__(
        self,
        queue: BatchQueue,
        cards: Mapping[str, Card],
        *,
        interval_s: float,
        patience_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue, self._cards = queue, cards
        self._interval_s, self._patience_s, self._clock = interval_s, patience_s, clock
        self._begun_s: float | None = None
        self._passed_s = clock()
        self._failure: Exception | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def failure(self) -> str | None:
        """Return in one sentence why the device cannot be relied on; None if it can."""
        begun_s = self._begun_s
        if begun_s is not None and self._clock() - begun_s > self._patience_s:
            return f"the device has not finished its self-check within {self._patience_s:g} s"
        return None if self._failure is None else str(self._failure)

    @property
    def drift(self) -> str | None:
        """Return ``failure`` if the device computes wrong results, otherwise None."""
        return str(self._failure) if isinstance(self._failure, GoldenMismatch) else None

    @property
    def age_s(self) -> float:
        """Return the seconds since the last successful check."""
        return self._clock() - self._passed_s

    def start(self) -> None:
        """Start checking in the background, after one interval, since the start-up has just checked."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._repeat, name="biasfree-self-check", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Start no further check."""
        self._stop.set()

    def check(self) -> None:
        """Check all engines; return when each has been checked, or the queue has ended."""
        self._begun_s = self._clock()
        pending = [self._queue.inspect(lane, self._golden) for lane in self._queue.lanes]
        failure = _first_failure(pending)
        if str(failure) != str(self._failure):
            log.log(*((logging.INFO, "the self-check passes again") if failure is None else _complaint(failure)))
        self._failure, self._begun_s = failure, None
        if failure is None:
            self._passed_s = self._clock()

    def _repeat(self) -> None:
        while not self._stop.wait(self._interval_s):
            self.check()

    def _golden(self, engine: Engine) -> None:
        for card in self._cards.values():
            check_golden(engine, card)


def _first_failure(pending: Collection[Future[None]]) -> Exception | None:
    failures = [future.exception() for future in pending]
    return next((failure for failure in failures if isinstance(failure, Exception)), None)


def _complaint(failure: Exception) -> tuple[int, str, str]:
    return logging.ERROR, "the self-check failed: %s", str(failure)
