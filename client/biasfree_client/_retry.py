"""The retry policy: which calls to repeat, and after how long. It neither sleeps nor sends."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from biasfree_client._errors import (
    BiasfreeError,
    ConnectionFailed,
    ConnectTimedOut,
    InvalidSetting,
    ProblemError,
    TimedOut,
)

#: Queue full, a proxy whose replica died, not ready: these may pass. Any other status would repeat.
TRANSIENT_STATUSES = frozenset({429, 502, 503})


@dataclass(frozen=True)
class Retries:
    """A retry policy. Repeating a call is safe, because denoising changes nothing on the server.

    Args:
        tries: Most tries per call, the first included; 1 to never repeat.
        first_pause_s: Longest pause before the second try; it doubles before each further try.
        longest_pause_s: Upper limit of the pauses.
        longest_wait_s: Longest ``Retry-After`` to wait for; beyond it, the error is raised immediately.

    Raises:
        InvalidSetting: ``tries`` is below 1.
    """

    tries: int = 4
    first_pause_s: float = 0.5
    longest_pause_s: float = 8.0
    longest_wait_s: float = 60.0

    def __post_init__(self) -> None:
        if self.tries < 1:
            raise InvalidSetting(f"Retries(tries=...) must be at least 1, not {self.tries}: 1 never repeats a call")

    def pause_s(
        self,
        error: BiasfreeError,
        *,
        tried: int,
        jitter: Callable[[], float] = random.random,
    ) -> float | None:
        """Compute the seconds to wait before the next try.

        A random share of the pause is used, so that clients that were refused together do not return together. The
        wait is never shorter than ``Retry-After``.

        Args:
            error: The error of the last try.
            tried: Number of tries so far.
            jitter: Random source, uniform in [0, 1).

        Returns:
            The pause, or None if the error is final.
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
    """Return whether the same call may succeed later.

    A call that timed out waiting for its answer is not repeated, and neither is one for which the service or a proxy
    ran out of time: the service may still be working on it, and would have to start over.
    """
    if isinstance(error, ProblemError):
        return error.status in TRANSIENT_STATUSES
    return isinstance(error, ConnectTimedOut) or (
        isinstance(error, ConnectionFailed) and not isinstance(error, TimedOut)
    )
