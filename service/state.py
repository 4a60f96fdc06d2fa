"""What the routes work with: everything that the start-up made."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Event

from fastapi import Request
from opentelemetry.trace import NoOpTracer, Tracer

from biasfree.artifact import Artifact
from service.access.access import Access
from service.analysis.analyst import Analyst
from service.denoising.classical import ClassicalModels
from service.denoising.networks import Denoiser
from service.errors import NotReady
from service.imaging import ImageLimits
from service.queue.batch_queue import BatchQueue
from service.queue.self_check import SelfCheck
from service.settings import Settings
from service.telemetry.metrics import Metrics
from service.telemetry.tracing import Traces


@dataclass(frozen=True)
class Running:
    """A started service.

    Attributes:
        settings: As read at the start.
        models: Artifacts by name.
        device: ``cpu`` or ``cuda``.
        queue: The device's queue.
        denoiser: On that queue.
        limits: Of images.
        codecs: Threads that decode and encode.
        analyst: Behind its bulkhead.
        classical: Behind another one.
        self_check: Of the device, in the background.
        metrics: What is counted.
        draining: Set once the service has been told to end.
        access: Keys and their limits; None where everybody is let in.
        traces: Where spans go; None for nowhere.
    """

    settings: Settings
    models: Mapping[str, Artifact]
    device: str
    queue: BatchQueue
    denoiser: Denoiser
    limits: ImageLimits
    codecs: ThreadPoolExecutor
    analyst: Analyst
    classical: ClassicalModels
    self_check: SelfCheck
    metrics: Metrics
    draining: Event
    access: Access | None = None
    traces: Traces | None = None

    @property
    def tracer(self) -> Tracer:
        """For the stages of a request; without ``traces`` it does nothing."""
        return NoOpTracer() if self.traces is None else self.traces.provider.get_tracer("biasfree")

    @property
    def ready(self) -> bool:
        """As ``require_ready``, for those who count."""
        try:
            self.require_ready()
        except NotReady:
            return False
        return True

    def require_room(self, model: str | None) -> None:
        """Refuse a request for a model, or for a default one, before anything is done for it.

        Raises:
            QueueFull: Too much waits.
            NotReady: The service drains, or has lost its device.
        """
        if model in self.classical.names:
            self.classical.bulkhead.require_room()
            return
        if (drift := self.self_check.drift) is not None:
            # No answer is better than a wrong one.
            raise NotReady(drift, reason="drift")
        self.queue.require_room()

    def require_ready(self) -> None:
        """Refuse where requests should rather go elsewhere.

        Raises:
            NotReady: The service ends, or has lost its device, or that fails its self-check; ``facts`` has ``reason``.
        """
        state = self.queue.state
        if state.died:
            raise NotReady(state.closed or "a thread of the device has died", reason="device")
        if self.draining.is_set() or state.closed is not None:
            raise NotReady("the service is shutting down", reason="draining")
        if (failure := self.self_check.failure) is not None:
            raise NotReady(failure, reason="drift" if self.self_check.drift is not None else "device")


def running(request: Request) -> Running:
    """The service behind a request."""
    service: Running = request.app.state.running
    return service


@contextmanager
def claimed_limits(request: Request) -> Iterator[ImageLimits]:
    """The limits of a request's images, which count what they let through as its key's pixels in flight."""
    service = running(request)
    if service.access is None or service.access.pixels is None:
        yield service.limits
        return
    with service.access.pixels.claim(request.state.key_holder) as claim:
        yield replace(service.limits, claim=claim.take)
