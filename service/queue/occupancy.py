"""The time of a device that runs several batches at once."""

from collections.abc import Hashable


class Occupancy:
    """Divides the device's time evenly among what runs on it, so that the shares add up to the time that passed."""

    def __init__(self) -> None:
        self._shares_s: dict[Hashable, float] = {}
        self._until_s = 0.0

    def begin(self, work: Hashable, now_s: float) -> None:
        """A piece of work starts."""
        self._divide(now_s)
        self._shares_s[work] = 0.0

    def end(self, work: Hashable, now_s: float) -> float:
        """It ended; its share of the device, in seconds."""
        self._divide(now_s)
        return self._shares_s.pop(work)

    def _divide(self, now_s: float) -> None:
        for work in self._shares_s:
            self._shares_s[work] += (now_s - self._until_s) / len(self._shares_s)
        self._until_s = now_s
