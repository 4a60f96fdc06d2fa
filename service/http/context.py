"""The service behind a request, and the limits of the request's images."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from fastapi import Request

from service.imaging import ImageLimits
from service.state import ServiceState


def state_of(request: Request) -> ServiceState:
    """Return the service behind a request."""
    service: ServiceState = request.app.state.service
    return service


@contextmanager
def claimed_limits(request: Request) -> Iterator[ImageLimits]:
    """Yield the limits for a request's images; accepted images count toward its key's pixels in flight."""
    service = state_of(request)
    if service.access is None or service.access.pixels is None:
        yield service.limits
        return
    with service.access.pixels.claim(request.state.key_holder) as claim:
        yield replace(service.limits, claim=claim.take)
