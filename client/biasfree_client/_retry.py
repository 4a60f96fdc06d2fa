"""When a call is tried again, and after how long: a policy that neither sleeps nor knows HTTP."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from biasfree_client._errors import BiasfreeError, ConnectionFailed, ConnectTimedOut, ProblemError, TimedOut

#: Queue full, a proxy whose replica died, not ready, out of time: another moment may do. Everything else will be the
#: same again.
TRANSIENT_STATUSES = frozenset({429, 502, 503, 504})


@dataclass(frozen=True)
class Retries:
    """How often and how patiently a call is repeated. Denoising changes nothing on the server: repeating is safe.

    Args:
        tries: How often one call is sent at most, the first time included; 1 for no repetition.
        first_pause_s: Longest pause before the second try; it doubles with each further one.
        longest_pause_s: What the pauses grow to.
        longest_wait_s: Longest ``Retry-After`` that is waited for; past it the error is raised at once.
    """

    tries: int = 4
    first_pause_s: float = 0.5
    longest_pause_s: float = 8.0
    longest_wait_s: float = 60.0

    def pause_s(
        self,
        error: BiasfreeError,
        *,
        tried: int,
        jitter: Callable[[], float] = random.random,
    ) -> float | None:
        """Seconds to wait before the next try.

        A part of the pause is drawn, so that clients that were refused together do not come back together. A
        ``Retry-After`` is the least that is waited.

        Args:
            error: What the last try ended with.
            tried: How many tries there were.
            jitter: Draws from [0, 1).

        Returns:
            The pause, or None where the error is final.
        """
        if tried >= self.tries or not is_transient(error):
            return None
        asked_s = error.retry_after_s if isinstance(error, ProblemError) else None
        if asked_s is not None and asked_s > self.longest_wait_s:
            return None
        pause_s: float = min(self.first_pause_s * 2 ** (tried - 1), self.longest_pause_s)
        return (asked_s or 0.0) + jitter() * pause_s


DEFAULT_RETRIES = Retries()


def is_transient(error: BiasfreeError) -> bool:
    """Whether the same call may succeed later.

    An answer that did not come within the timeout is not asked for again: the service may still be at it, and would
    have to begin anew.
    """
    if isinstance(error, ProblemError):
        return error.status in TRANSIENT_STATUSES
    return isinstance(error, ConnectTimedOut) or (
        isinstance(error, ConnectionFailed) and not isinstance(error, TimedOut)
    )
