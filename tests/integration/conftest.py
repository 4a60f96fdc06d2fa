"""The application with the default networks, in this process; as a process of its own it is ``server``."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from service.app import start
from service.settings import Settings
from service.state import ServiceState
from tests.integration.clients import client_of


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The service runs on asyncio."""
    return "asyncio"


@pytest.fixture(scope="session")
def service(default_models: Path) -> ServiceState:
    """A started service on the CPU; small tiles, so that ordinary test images are split.

    All tests of a process share it: who changes a service starts another.
    """
    return start(
        Settings(
            device="cpu",
            max_pixels=4_000_000,
            max_frames=8,
            max_body_bytes=8_000_000,
            tile_side=512,
            models_dir=default_models,
        )
    )


@pytest.fixture(scope="session")
async def client(service: ServiceState, anyio_backend: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of that service, without a socket."""
    async with client_of(service) as client:
        yield client
