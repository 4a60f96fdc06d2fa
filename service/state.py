"""The state shared by all routes, created at start-up."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import TypeVar

from opentelemetry.trace import NoOpTracer, Tracer

from service.access.access import Access
from service.analysis.analyst import Analyst
from service.denoising.backend import Backends
from service.errors import NotReady, UnknownModel
from service.imaging import ImageLimits
from service.queue.batch_queue import BatchQueue
from service.queue.self_check import SelfCheck
from service.settings import Settings
from service.telemetry.metrics import Metrics
from service.telemetry.tracing import Traces

T = TypeVar("T")


@dataclass(frozen=True)
class ServiceState:
    """A started service.

    Attributes:
        settings: The settings at start-up.
        device: ``cpu`` or ``cuda``.
        queue: The device's queue.
        backends: The denoisers, by the models that they serve.
        limits: Limits on images.
        codecs: Threads that decode and encode.
        analyst: The analyses, in a separate process.
        self_check: The periodic check of the device.
        metrics: The metrics.
        draining: Set when the service begins to shut down.
        access: Keys and their limits; None if no key is required.
        traces: Destination of spans; None for none.
    """

    settings: Settings
    device: str
    queue: BatchQueue
    backends: Backends
    limits: ImageLimits
    codecs: ThreadPoolExecutor
    analyst: Analyst
    self_check: SelfCheck
    metrics: Metrics
    draining: Event
    access: Access | None = None
    traces: Traces | None = None

    @property
    def tracer(self) -> Tracer:
        """Return the tracer for the stages of a request; without ``traces`` it does nothing."""
        return NoOpTracer() if self.traces is None else self.traces.provider.get_tracer("biasfree")

    @property
    def ready(self) -> bool:
        """Tell whether ``require_ready`` passes."""
        try:
            self.require_ready()
        except NotReady:
            return False
        return True

    def require_room(self, model: str | None) -> None:
        """Refuse a request for a model before doing any work for it; errors as in ``Backend.require_room``."""
        try:
            backend = self.backends.of(model)
        except UnknownModel:  # reported when the request is read, if there is room
            backend = self.backends.default
        backend.require_room()

    async def in_codec_thread(self, call: Callable[[], T]) -> T:
        """Run a call that decodes or encodes in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self.codecs, call)

    def require_ready(self) -> None:
        """Refuse if requests should go to another replica.

        Raises:
            NotReady: The service is shutting down, or its device is lost or fails its self-check; ``facts`` has
                ``reason``.
        """
        state = self.queue.state
        if state.died:
            raise NotReady(state.closed or "a device thread has died", reason="device")
        if self.draining.is_set() or state.closed is not None:
            raise NotReady("the service is shutting down", reason="draining")
        if (failure := self.self_check.failure) is not None:
            raise NotReady(failure, reason="drift" if self.self_check.drift is not None else "device")
