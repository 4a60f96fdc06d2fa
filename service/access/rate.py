"""The limit on requests per minute for each holder of a key: a token bucket, without threads, with injected clock."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from service.errors import RateLimited

WINDOW_S = 60


@dataclass(frozen=True)
class Allowance:
    """The rest of a quota, as in the ``RateLimit`` header fields (draft-ietf-httpapi-ratelimit-headers).

    Attributes:
        quota: Requests per window.
        remaining: Requests that would be accepted now.
        reset_s: Whole seconds until one more request would be accepted; 0 if the quota is full.
    """

    quota: int
    remaining: int
    reset_s: int


@dataclass
class _Bucket:
    tokens: float
    filled_s: float


class RateLimit:
    """A token bucket per holder, which contains one window's quota and refills evenly.

    A request takes a token. A burst may use the whole quota at once; later requests are limited to the refill rate. So
    a holder cannot use the quota of two windows back to back, as with counters that are reset every minute.

    Args:
        per_minute: Tokens in a full bucket, and tokens added per minute.
        clock: Monotonic clock in seconds.
    """

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._quota, self._clock = per_minute, clock
        self._rate = per_minute / WINDOW_S
        self._buckets: dict[str, _Bucket] = {}

    def take(self, holder: str) -> Allowance:
        """Count one request.

        Raises:
            RateLimited: No token is left; ``facts`` has ``retry_after_s``, the time to the next token.
        """
        bucket = self._filled(holder)
        if bucket.tokens < 1:
            raise RateLimited(
                f"this key allows at most {self._quota} requests per minute: retry later",
                limit=self._quota,
                retry_after_s=(1 - bucket.tokens) / self._rate,
            )
        bucket.tokens -= 1
        return self.allowance(holder)

    def allowance(self, holder: str) -> Allowance:
        """Return the rest of the quota, without counting a request."""
        tokens = self._filled(holder).tokens
        remaining = math.floor(tokens)
        return Allowance(self._quota, remaining, math.ceil((min(remaining + 1, self._quota) - tokens) / self._rate))

    def _filled(self, holder: str) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.setdefault(holder, _Bucket(self._quota, now))
        bucket.tokens = min(self._quota, bucket.tokens + (now - bucket.filled_s) * self._rate)
        # Rounding must not refuse the request that Retry-After promised.
        if abs(bucket.tokens - round(bucket.tokens)) < 1e-9:
            bucket.tokens = round(bucket.tokens)
        bucket.filled_s = now
        return bucket
