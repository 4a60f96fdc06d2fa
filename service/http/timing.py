"""The headers with a request's timing and model."""

import time
from collections.abc import Mapping


class StageClock:
    """A stopwatch for the stages of a request, in milliseconds.

    Attributes:
        laps: Milliseconds per stage, in order.
    """

    def __init__(self) -> None:
        self._last = time.perf_counter()
        self.laps: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        """End a stage and begin the next one."""
        now = time.perf_counter()
        self.laps[stage] = 1000 * (now - self._last)
        self._last = now

    def stages(self, *, infer_s: float) -> dict[str, float]:
        """Return the milliseconds per stage; time between decode and encode outside the device counts as queue."""
        infer = 1000 * infer_s
        return {
            "decode": round(self.laps["decode"], 3),
            "queue": round(max(0.0, self.laps["device"] - infer), 3),
            "infer": round(infer, 3),
            "encode": round(self.laps["encode"], 3),
        }


def server_timing(timing_ms: dict[str, float]) -> str:
    """Return the ``Server-Timing`` header (W3C Server Timing): milliseconds per stage."""
    return ", ".join(f"{stage};dur={ms:.1f}" for stage, ms in timing_ms.items())


def model_header(facts: Mapping[str, str]) -> str:
    """Return the ``X-Model`` header: the name of a model and its other facts."""
    return "; ".join([facts["name"], *(f"{key}={value}" for key, value in facts.items() if key != "name")])
