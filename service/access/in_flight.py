"""Pixels of each holder of a key that are worked on at a time."""

import threading
from collections import Counter
from collections.abc import Callable

from service.errors import ImageTooLarge, PixelsInFlight


class PixelQuota:
    """Pixels in flight of each holder; safe to use from the threads that decode.

    Args:
        limit: Pixels of one holder at a time.
        expected_s: Seconds until what is under way now will be done, for ``Retry-After``.
    """

    def __init__(self, limit: int, *, expected_s: Callable[[], float]) -> None:
        self._limit, self._expected_s = limit, expected_s
        self._in_flight: Counter[str] = Counter()
        self._lock = threading.Lock()

    def claim(self, holder: str) -> "PixelClaim":
        """A claim of one request, with no pixels yet; a context that gives back what it took."""
        return PixelClaim(self, holder)

    def in_flight(self, holder: str) -> int:
        """Pixels that a holder has under way."""
        with self._lock:
            return self._in_flight[holder]

    def take(self, holder: str, pixels: int) -> None:
        """Count pixels in.

        Raises:
            ImageTooLarge: They alone are more than the limit, now and ever.
            PixelsInFlight: They are too many beside what is under way; ``facts`` has ``retry_after_s``.
        """
        if pixels > self._limit:
            raise ImageTooLarge(
                f"at most {self._limit} pixels at a time are accepted with this key, got {pixels}",
                limit=self._limit,
                actual=pixels,
            )
        with self._lock:
            total = self._in_flight[holder] + pixels
            if total <= self._limit:
                self._in_flight[holder] = total
                return
        raise PixelsInFlight(
            f"at most {self._limit} pixels at a time are accepted with this key, these would make it {total}",
            limit=self._limit,
            actual=total,
            retry_after_s=max(1.0, self._expected_s()),
        )

    def give_back(self, holder: str, pixels: int) -> None:
        """Count pixels out."""
        with self._lock:
            self._in_flight[holder] -= pixels
            if self._in_flight[holder] <= 0:
                del self._in_flight[holder]


class PixelClaim:
    """What one request holds of its key's quota until its context ends."""

    def __init__(self, quota: PixelQuota, holder: str) -> None:
        self._quota, self._holder, self._pixels = quota, holder, 0
        self._lock = threading.Lock()
        self._ended = False

    def take(self, pixels: int) -> None:
        """Add the pixels of an image; raises as ``PixelQuota.take``."""
        with self._lock:
            # A client that left while its image was still being read by another thread.
            if self._ended:
                return
            self._quota.take(self._holder, pixels)
            self._pixels += pixels

    def __enter__(self) -> "PixelClaim":
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._ended = True
            self._quota.give_back(self._holder, self._pixels)
