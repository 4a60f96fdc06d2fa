"""The pixel rates of the models, measured batch by batch: one that is promised, and one that is expected."""

from collections.abc import Mapping
from dataclasses import dataclass

#: Weights of a batch in the promised rate if it was slower or faster than that: several batches change the rate, a
#: single one does not. The bound of the queue is a promise, so it errs on the long side: for a device of varying speed,
#: this rate is one that it reaches in about four of five batches (an expectile).
SLOWER, FASTER = 0.2, 0.05
#: Weight of a batch in the expected rate, slower or faster: four of them leave an eighth of the first estimate.
LATEST = 0.4
#: Smaller batches weigh less: most of their time is the overhead of the call, which says little about the rate.
FULL_WEIGHT_PX = 2**18


@dataclass
class Rate:
    """The rates of one model in pixels per second."""

    promised: float
    expected: float


class Rates:
    """The rates of all models.

    Args:
        first_px_s: First estimate of each model's rate.
    """

    def __init__(self, first_px_s: Mapping[str, float]) -> None:
        self._rates = {name: Rate(rate, rate) for name, rate in first_px_s.items()}

    def promised_s(self, model: str, pixels: int) -> float:
        """Return the seconds that pixels take at most, in most cases."""
        return pixels / self._rates[model].promised

    def expected_s(self, model: str, pixels: float) -> float:
        """Return the seconds that pixels will take if the device goes on as lately."""
        return pixels / self._rates[model].expected

    def measured(self, model: str, pixels: int, seconds: float) -> None:
        """Learn from a batch that took the device some seconds."""
        rate, measured = self._rates[model], pixels / max(seconds, 1e-9)
        share = min(1.0, pixels / FULL_WEIGHT_PX)
        rate.promised = _mean(rate.promised, measured, share * (SLOWER if measured < rate.promised else FASTER))
        rate.expected = _mean(rate.expected, measured, share * LATEST)


def _mean(rate: float, measured: float, weight: float) -> float:
    """Return the mean of times, not of rates, because the prediction is a time."""
    return 1 / ((1 - weight) / rate + weight / measured)
