"""Looking at a server while it works."""

import http.client
import json
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

#: A server that does not say how it is by then is not well.
TIMEOUT_S = 60


@dataclass(frozen=True)
class Readiness:
    """What ``/readyz`` says.

    Attributes:
        queued: Requests that wait.
        predicted_s: Seconds that the queued work will take.
        batches: Batches that the device has run since the start, where the server counts them.
    """

    queued: int
    predicted_s: float
    batches: int | None

    @property
    def idle(self) -> bool:
        """Nothing waits for the device."""
        return self.queued == 0 and self.predicted_s == 0


class Probe:
    """A connection of its own for GETs; the server closes one that is not used for some seconds."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=TIMEOUT_S)

    def __enter__(self) -> "Probe":
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self._connection.close()

    def healthz(self) -> float:
        """Ask ``/healthz``, and return when it answered (``time.perf_counter``)."""
        self._get("/healthz")
        return time.perf_counter()

    def readyz(self) -> Readiness:
        """Ask ``/readyz``."""
        document = json.loads(self._get("/readyz"))
        return Readiness(document["queued"], document["predicted_s"], document.get("batches"))

    def _get(self, path: str) -> bytes:
        self._connection.request("GET", path)
        response = self._connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise RuntimeError(f"expected 200 of {path}, got {response.status}")
        return content
