"""The real application with the shipped weights, in this process and over a socket."""

import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from service.app import start
from service.routes.running import Running
from service.settings import Settings
from tests.integration.clients import client_of


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The service runs on asyncio."""
    return "asyncio"


@pytest.fixture(scope="module")
def service() -> Running:
    """A started service on the CPU; small tiles, so that ordinary test images are split."""
    return start(Settings(device="cpu", max_pixels=4_000_000, max_frames=8, max_body_bytes=8_000_000, tile_side=512))


@pytest.fixture(scope="module")
async def client(service: Running, anyio_backend: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of that service, without a socket."""
    async with client_of(service) as client:
        yield client


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """URL of ``python -m service`` as a process of its own, on a free port; ended by SIGTERM."""
    environment = {**os.environ, "BIASFREE_PORT": "0", "BIASFREE_DEVICE": "cpu"}
    process = subprocess.Popen([sys.executable, "-m", "service"], env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if found := re.search(r"serving on (http://\S+)", line):
                yield found[1]
                break
        else:
            pytest.fail("the service ended without serving")
    finally:
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode in (0, -15)
