"""The accounting of a device's time when it runs several batches at once."""

from collections.abc import Collection, Hashable
from typing import Generic, TypeVar

WorkT = TypeVar("WorkT", bound=Hashable)


class Occupancy(Generic[WorkT]):
    """An account that divides the device's time evenly among the work on it, so that shares add up to elapsed time."""

    def __init__(self) -> None:
        self._shares_s: dict[WorkT, float] = {}
        self._until_s = 0.0

    @property
    def running(self) -> Collection[WorkT]:
        """Return the work that is running."""
        return self._shares_s.keys()

    def begin(self, work: WorkT, now_s: float) -> None:
        """Record that a piece of work starts."""
        self._divide(now_s)
        self._shares_s[work] = 0.0

    def end(self, work: WorkT, now_s: float) -> float:
        """Record that a piece of work ended, and return its share of the device's time in seconds."""
        self._divide(now_s)
        return self._shares_s.pop(work)

    def shares_s(self, now_s: float) -> dict[WorkT, float]:
        """Return the share of each piece of work that is running, in seconds; nothing is recorded."""
        return {work: share + (now_s - self._until_s) / len(self._shares_s) for work, share in self._shares_s.items()}

    def _divide(self, now_s: float) -> None:
        self._shares_s, self._until_s = self.shares_s(now_s), now_s
