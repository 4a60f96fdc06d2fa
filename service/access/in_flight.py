"""The limit on the pixels that each holder of a key may have in flight."""

import threading
from collections import Counter
from collections.abc import Callable

from service.errors import ImageTooLarge, PixelsInFlight


class PixelQuota:
    """A count of the pixels in flight per holder; thread-safe.

    Args:
        limit: Maximum pixels in flight per holder.
        expected_s: Function that returns the seconds until the current work is done, for ``Retry-After``.
    """

    def __init__(self, limit: int, *, expected_s: Callable[[], float]) -> None:
        self._limit, self._expected_s = limit, expected_s
        self._in_flight: Counter[str] = Counter()
        self._lock = threading.Lock()

    def claim(self, holder: str) -> "PixelClaim":
        """Return a claim for one request, without pixels yet: a context manager that gives back what it took."""
        return PixelClaim(self, holder)

    def in_flight(self, holder: str) -> int:
        """Return the pixels that a holder has in flight."""
        with self._lock:
            return self._in_flight[holder]

    def take(self, holder: str, pixels: int) -> None:
        """Add pixels to a holder's count.

        Raises:
            ImageTooLarge: The pixels alone exceed the limit.
            PixelsInFlight: The pixels exceed the limit together with those in flight; ``facts`` has
                ``retry_after_s``.
        """
        if pixels > self._limit:
            raise ImageTooLarge(
                f"the image has {pixels} pixels, and this key allows {self._limit} in flight: send a smaller image",
                limit=self._limit,
                actual=pixels,
            )
        with self._lock:
            total = self._in_flight[holder] + pixels
            if total <= self._limit:
                self._in_flight[holder] = total
                return
        raise PixelsInFlight(
            f"this key allows {self._limit} pixels in flight, and this image would make it {total}: retry later",
            limit=self._limit,
            actual=total,
            retry_after_s=max(1.0, self._expected_s()),
        )

    def give_back(self, holder: str, pixels: int) -> None:
        """Subtract pixels from a holder's count."""
        with self._lock:
            self._in_flight[holder] -= pixels
            if self._in_flight[holder] <= 0:
                del self._in_flight[holder]


class PixelClaim:
    """The part of its key's quota that a request holds until its context ends."""

    def __init__(self, quota: PixelQuota, holder: str) -> None:
        self._quota, self._holder, self._pixels = quota, holder, 0
        self._lock = threading.Lock()
        self._ended = False

    def take(self, pixels: int) -> None:
        """Add the pixels of an image; errors as in ``PixelQuota.take``."""
        with self._lock:
            # The client disconnected while another thread was still reading its image.
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
