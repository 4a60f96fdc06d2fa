"""A probe of a server's health while it works."""

import http.client
import json
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

#: A server that does not answer within this time counts as unhealthy.
TIMEOUT_S = 60


@dataclass(frozen=True)
class Readiness:
    """The answer of ``/readyz``.

    Attributes:
        queued: Waiting requests.
        predicted_s: Predicted seconds of queued work.
        batches: Number of batches since the start, if the server counts them.
    """

    queued: int
    predicted_s: float
    batches: int | None

    @property
    def idle(self) -> bool:
        """Tell whether nothing waits for the device."""
        return self.queued == 0 and self.predicted_s == 0


class Probe:
    """A separate connection for GET requests; the server closes it when it is unused for some seconds."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=TIMEOUT_S)

    def __enter__(self) -> "Probe":
        """Return this probe."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self._connection.close()

    def healthz(self) -> float:
        """Request ``/healthz``, and return the time of the answer (``time.perf_counter``)."""
        self._get("/healthz")
        return time.perf_counter()

    def readyz(self) -> Readiness:
        """Request ``/readyz``."""
        document = json.loads(self._get("/readyz"))
        return Readiness(document["queued"], document["predicted_s"], document.get("batches"))

    def _get(self, path: str) -> bytes:
        self._connection.request("GET", path)
        response = self._connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise RuntimeError(f"{path} answered with {response.status} instead of 200")
        return content
