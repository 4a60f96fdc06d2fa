"""What the routes work with: everything that the start-up made."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from fastapi import Request

from biasfree.artifact import Artifact
from service.analyst import Analyst
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
    """

    settings: Settings
    models: Mapping[str, Artifact]
    device: str
    queue: BatchQueue
    denoiser: Denoiser
    limits: ImageLimits
    codecs: ThreadPoolExecutor
    analyst: Analyst


def running(request: Request) -> Running:
    """The service behind a request."""
    service: Running = request.app.state.running
    return service
