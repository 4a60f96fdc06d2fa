"""What the routes work with: everything that the start-up made."""

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
        settings: As read at the start.
        device: ``cpu`` or ``cuda``.
        queue: The device's queue.
        backends: The denoisers, by the models that they serve.
        limits: Of images.
        codecs: Threads that decode and encode.
        analyst: Analyses, in a process of their own.
        self_check: Of the device, in the background.
        metrics: What is counted.
        draining: Set once the service has been told to end.
        access: Keys and their limits; None where everybody is let in.
        traces: Where spans go; None for nowhere.
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
        """Refuse a request for a model before anything is done for it; errors as ``Backend.require_room``."""
        try:
            backend = self.backends.of(model)
        except UnknownModel:  # refused where the request is read, unless there is no room for any
            backend = self.backends.default
        backend.require_room()

    async def in_codec_thread(self, call: Callable[[], T]) -> T:
        """Run a call that decodes or encodes off the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self.codecs, call)

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
