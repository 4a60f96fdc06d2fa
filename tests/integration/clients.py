"""The real application in this process, and a client of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from service.app import create_app
from service.state import ServiceState


@asynccontextmanager
async def client_of(service: ServiceState) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a started service, without a socket; the service ends with it."""
    app = create_app(service)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test", timeout=300) as client,
    ):
        yield client
