"""The application with the default networks, in this process; as a process of its own it is ``server``."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from service.app import start
from service.command import main
from service.settings import Settings
from service.state import ServiceState
from service.telemetry import logs
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


@pytest.fixture
def refused_start(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run ``python -m service`` to its refusal with environment variables, and return what it wrote to standard error.

    It runs in this process, since another one spends a second on imports; an exception would be a traceback there and
    fails the test here. The exit status of a real process is that of ``test_a_gpu_that_was_asked_for_and_is_not_there``
    and of the tests of tracing.
    """

    def refused(**environment: str) -> str:
        for name, value in {"BIASFREE_PORT": "0", **environment}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.argv", ["service"])
        monkeypatch.setattr(logs, "configure", lambda **_: None)  # the log of this process is pytest's
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 1
        return capsys.readouterr().err

    return refused
