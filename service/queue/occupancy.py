"""The accounting of a device's time when it runs several batches at once."""

from collections.abc import Hashable


class Occupancy:
    """An account that divides the device's time evenly among the work on it, so that shares add up to elapsed time."""

    def __init__(self) -> None:
        self._shares_s: dict[Hashable, float] = {}
        self._until_s = 0.0

    def begin(self, work: Hashable, now_s: float) -> None:
        """Record that a piece of work starts."""
        self._divide(now_s)
        self._shares_s[work] = 0.0

    def end(self, work: Hashable, now_s: float) -> float:
        """Record that a piece of work ended, and return its share of the device's time in seconds."""
        self._divide(now_s)
        return self._shares_s.pop(work)

    def _divide(self, now_s: float) -> None:
        for work in self._shares_s:
            self._shares_s[work] += (now_s - self._until_s) / len(self._shares_s)
        self._until_s = now_s
