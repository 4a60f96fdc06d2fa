"""What the routes work with: everything that the start-up made."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from fastapi import Request

from biasfree.artifact import Artifact
from service.analyst import Analyst
from service.classical import ClassicalModels
from service.denoiser import Denoiser
from service.imaging import ImageLimits
from service.inference.queue import BatchQueue
from service.settings import Settings


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

    def require_room(self, model: str | None) -> None:
        """Refuse a request for a model, or for a default one, before anything is done for it.

        Raises:
            QueueFull: Too much waits.
            NotReady: The service drains, or has lost its device.
        """
        (self.classical.bulkhead if model in self.classical.names else self.queue).require_room()


def running(request: Request) -> Running:
    """The service behind a request."""
    service: Running = request.app.state.running
    return service
