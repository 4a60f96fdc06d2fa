"""Requests a minute of each holder of a key: a token bucket, without threads and with the clock handed in."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from service.errors import RateLimited

WINDOW_S = 60


@dataclass(frozen=True)
class Allowance:
    """What is left of a quota, as the ``RateLimit`` fields say it (draft-ietf-httpapi-ratelimit-headers).

    Attributes:
        quota: Requests a window.
        remaining: Requests that would be taken now.
        reset_s: Whole seconds until one more is, or until the quota is whole where nothing is missing.
    """

    quota: int
    remaining: int
    reset_s: int


@dataclass
class _Bucket:
    tokens: float
    filled_s: float


class RateLimit:
    """A bucket for each holder, which holds a window's quota and fills evenly.

    A request takes a token. A burst may use the whole quota at once; what comes after it is as fast as the bucket fills
    again: no two windows are used up back to back, as they are where counters are set to zero each minute.

    Args:
        per_minute: Tokens of a full bucket, and how many come in a minute.
        clock: Seconds, monotonic.
    """

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._quota, self._clock = per_minute, clock
        self._rate = per_minute / WINDOW_S
        self._buckets: dict[str, _Bucket] = {}

    def take(self, holder: str) -> Allowance:
        """Count one request.

        Raises:
            RateLimited: None is left; ``facts`` has ``retry_after_s``, the time to the next token.
        """
        bucket = self._filled(holder)
        if bucket.tokens < 1:
            raise RateLimited(
                f"at most {self._quota} requests a minute are accepted with this key",
                limit=self._quota,
                retry_after_s=(1 - bucket.tokens) / self._rate,
            )
        bucket.tokens -= 1
        return self.allowance(holder)

    def allowance(self, holder: str) -> Allowance:
        """What is left, without counting anything."""
        tokens = self._filled(holder).tokens
        remaining = math.floor(tokens)
        return Allowance(self._quota, remaining, math.ceil((min(remaining + 1, self._quota) - tokens) / self._rate))

    def _filled(self, holder: str) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.setdefault(holder, _Bucket(self._quota, now))
        bucket.tokens = min(self._quota, bucket.tokens + (now - bucket.filled_s) * self._rate)
        # Rounding must not cost anybody the request that Retry-After promised.
        if abs(bucket.tokens - round(bucket.tokens)) < 1e-9:
            bucket.tokens = round(bucket.tokens)
        bucket.filled_s = now
        return bucket
