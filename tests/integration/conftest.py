"""The real application with the shipped weights, in this process and over a socket."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from service.app import start
from service.settings import Settings
from service.state import ServiceState
from tests.integration.clients import client_of
from tests.servers import running_server


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The service runs on asyncio."""
    return "asyncio"


@pytest.fixture(scope="module")
def service() -> ServiceState:
    """A started service on the CPU; small tiles, so that ordinary test images are split."""
    return start(Settings(device="cpu", max_pixels=4_000_000, max_frames=8, max_body_bytes=8_000_000, tile_side=512))


@pytest.fixture(scope="module")
async def client(service: ServiceState, anyio_backend: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of that service, without a socket."""
    async with client_of(service) as client:
        yield client


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """URL of ``python -m service`` as a process of its own, on a free port; ended by SIGTERM."""
    with running_server() as url:
        yield url
