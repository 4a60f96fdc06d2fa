"""Where a request's time went and which model answered it, as headers."""

import time
from collections.abc import Mapping


class StageClock:
    """Milliseconds of the stages of one request.

    Attributes:
        laps: Milliseconds by stage, in order.
    """

    def __init__(self) -> None:
        self._last = time.perf_counter()
        self.laps: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        """The stage ends now; the next one begins."""
        now = time.perf_counter()
        self.laps[stage] = 1000 * (now - self._last)
        self._last = now

    def stages(self, *, infer_s: float) -> dict[str, float]:
        """What was not the device's own time between decode and encode was waiting."""
        infer = 1000 * infer_s
        return {
            "decode": round(self.laps["decode"], 3),
            "queue": round(max(0.0, self.laps["device"] - infer), 3),
            "infer": round(infer, 3),
            "encode": round(self.laps["encode"], 3),
        }


def server_timing(timing_ms: dict[str, float]) -> str:
    """The ``Server-Timing`` header (W3C Server Timing): milliseconds by stage."""
    return ", ".join(f"{stage};dur={ms:.1f}" for stage, ms in timing_ms.items())


def model_header(facts: Mapping[str, str]) -> str:
    """Return ``X-Model``: the name of a model, and what else tells it from others."""
    return "; ".join([facts["name"], *(f"{key}={value}" for key, value in facts.items() if key != "name")])
