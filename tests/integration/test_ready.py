"""``/readyz``: drift, its end, and the end of the service."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pytest
import uvicorn

from biasfree.engines.onnx_engine import OnnxEngine
from service.app import create_app, start
from service.command import Server
from service.model_store import load_models
from service.settings import Settings
from tests.integration.clients import client_of
from tests.integration.images import NPY, npy

pytestmark = pytest.mark.anyio

IMAGE = npy(np.ones((8, 8), np.uint8))


def quick(models: Path, **more) -> Settings:
    """No analyses, and stand-ins for the networks."""
    return Settings(device="cpu", analysis_enabled=False, models_dir=models, **more)


class DriftingEngine:
    """An engine whose results are multiplied once something has happened to its weights."""

    device, tolerance, workers = "cpu", OnnxEngine.tolerance, 1

    def __init__(self, models: Path) -> None:
        self._engine = OnnxEngine(load_models(models), device="cpu")
        self.factor = 1.0

    def run(self, model: str, batch: np.ndarray, *, wide: bool = True) -> np.ndarray:
        """Run, and corrupt."""
        return self._engine.run(model, batch, wide=wide) * np.float32(self.factor)

    def release(self) -> None:
        """Nothing to corrupt."""


async def until(condition: Callable[[httpx.Response], bool], client: httpx.AsyncClient) -> httpx.Response:
    """The answer of ``/readyz`` that meets a condition."""
    async with asyncio.timeout(60):
        while not condition(answer := await client.get("/readyz")):
            await asyncio.sleep(0.005)
    return answer


async def test_a_device_that_drifts_is_not_ready_until_it_no_longer_does(anyio_backend, caplog, stand_ins):
    """503 with the reason, a line in the log, and no wrong image; afterwards all is as before."""
    engine = DriftingEngine(stand_ins)
    service = start(quick(stand_ins, self_check_interval_s=0.02), engine=engine)
    async with client_of(service) as client:
        assert (await client.get("/readyz")).status_code == 200
        engine.factor = 1.01
        ended = await until(lambda answer: answer.status_code == 503, client)
        refused = await client.post("/denoise", content=IMAGE, headers=NPY)
        assert (await client.get("/healthz")).status_code == 200
        engine.factor = 1.0
        again = await until(lambda answer: answer.status_code == 200, client)
        denoised = await client.post("/denoise", content=IMAGE, headers=NPY)
    for answer in (ended, refused):
        assert answer.status_code == 503
        assert answer.json()["type"] == "urn:biasfree:problem:not-ready"
        assert answer.json()["reason"] == "drift"
        assert "is off by" in answer.json()["detail"]
    assert "the self-check failed: model" in caplog.text
    assert again.json()["self_check_age_s"] < 30
    assert denoised.status_code == 200


async def test_the_self_check_goes_on_beside_requests(anyio_backend, stand_ins):
    """Neither waits for the other for ever: a service that is never idle is checked, and denoises."""
    service = start(quick(stand_ins, self_check_interval_s=0.01))
    image = npy(np.ones((300, 300), np.uint8))
    async with client_of(service) as client:

        async def keep_busy() -> set[int]:
            return {(await client.post("/denoise", content=image, headers=NPY)).status_code for _ in range(4)}

        busy = [asyncio.create_task(keep_busy()) for _ in range(3)]
        first = service.self_check._passed_s
        async with asyncio.timeout(60):
            while service.self_check._passed_s == first:
                await asyncio.sleep(0.001)
        assert not all(task.done() for task in busy)
        assert await asyncio.gather(*busy) == [{200}] * 3
        assert (await client.get("/readyz")).status_code == 200


async def test_from_the_signal_on_the_service_is_not_ready_and_still_answers(anyio_backend, stand_ins):
    """A request that is under way is finished, and one on an open connection as well."""
    service = start(quick(stand_ins))
    app = create_app(service)
    server = Server(uvicorn.Config(app), draining=service.draining)
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test", timeout=60) as client,
    ):
        assert (await client.get("/readyz")).status_code == 200
        server.handle_exit(signal.SIGTERM, None)
        ready = await client.get("/readyz")
        denoised = await client.post("/denoise", content=IMAGE, headers=NPY)
    assert (ready.status_code, ready.json()["reason"]) == (503, "draining")
    assert server.should_exit
    assert denoised.status_code == 200
