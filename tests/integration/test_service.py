"""The routes around ``/denoise``, and the process itself."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest
import uvicorn

from biasfree.artifact import SHIPPED
from biasfree.engines.onnx_engine import OnnxEngine
from service.app import create_app, start
from service.model_store import load_models
from service.settings import Settings
from tests.integration.images import NPY, npy, photograph

pytestmark = pytest.mark.anyio

#: The network of ``gray_alone`` that is one.
GRAY = "/denoise?model=gray"


def quick(models: Path, **more) -> Settings:
    """Small tiles, no analyses, and stand-ins for most networks."""
    return Settings(device="cpu", tile_side=512, analysis_enabled=False, models_dir=models, **more)


async def test_models_lists_what_is_served(client):
    """Gray and colour, each the default of its channels."""
    models = {each["name"]: each for each in (await client.get("/models")).json()}
    assert models["gray"]["default_for_channels"] == 1
    assert models["color"]["default_for_channels"] == 3


async def test_a_card_tells_where_a_model_comes_from(client):
    """With its measured quality and the checksum that X-Model names."""
    model = (await client.get("/models/gray")).json()
    answer = await client.post("/denoise?model=gray", content=npy(np.ones((8, 8), np.uint8)), headers=NPY)
    assert answer.headers["x-model"] == f"gray; version={model['card']['version']}; sha256={model['sha256']}"
    assert model["card"]["training"]["sigma_range_255"] == [0, 100]


async def test_an_unknown_card_is_a_problem(client):
    """404 with those that exist."""
    answer = await client.get("/models/none")
    assert answer.status_code == 404
    assert "gray" in answer.json()["supported"]


async def test_limits_are_those_that_hold(client, service):
    """The settings of this service."""
    limits = (await client.get("/limits")).json()
    assert limits["max_pixels"] == service.settings.max_pixels
    assert "application/x-npy" in limits["media_types"]


async def test_health_and_readiness(client):
    """Alive, and ready on the device that runs."""
    assert (await client.get("/healthz")).json() == {"status": "alive"}
    ready = await client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["device"] == "cpu"
    assert ready.json()["models"] == sorted(path.stem for path in SHIPPED.glob("*.onnx"))


async def test_timing_and_request_id_are_in_every_answer(client):
    """The id that was sent comes back; one that could forge a log line does not."""
    body = npy(np.ones((8, 8), np.uint8))
    kept = await client.post("/denoise", content=body, headers={**NPY, "X-Request-Id": "abc-1"})
    assert kept.headers["x-request-id"] == "abc-1"
    replaced = await client.post("/denoise", content=body, headers={**NPY, "X-Request-Id": "a" * 500})
    assert len(replaced.headers["x-request-id"]) == 32
    stages = [part.partition(";")[0] for part in kept.headers["server-timing"].split(", ")]
    assert stages == ["decode", "queue", "infer", "encode"]


async def test_the_openapi_document_has_every_way_in_and_out(client):
    """Bodies, parameters, headers and errors, with examples."""
    document = (await client.get("/openapi.json")).json()
    denoise = document["paths"]["/denoise"]["post"]
    assert set(denoise["requestBody"]["content"]) >= {"image/png", "application/x-npy", "multipart/form-data"}
    assert {parameter["name"] for parameter in denoise["parameters"]} == {
        "format", "strength", "chroma_strength", "output", "color", "estimate", "model", "bit_depth", "axes",
        "ensemble", "quality", "bits",
    }  # fmt: skip
    assert set(denoise["responses"]) >= {"200", "400", "404", "406", "413", "415", "422", "429", "503", "504"}
    assert "X-Model" in denoise["responses"]["200"]["headers"]


async def test_a_drained_service_is_not_ready_and_takes_nothing(anyio_backend, stand_ins):
    """503, as a problem document."""
    service = start(quick(stand_ins))
    app = create_app(service)
    await service.queue.drain()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client:
        ready = await client.get("/readyz")
        answer = await client.post("/denoise", content=npy(np.ones((8, 8), np.uint8)), headers=NPY)
        assert (await client.get("/healthz")).status_code == 200
    for refused in (ready, answer):
        assert refused.status_code == 503
        assert refused.json()["type"] == "urn:biasfree:problem:not-ready"


async def test_past_the_deadline_the_answer_is_504(anyio_backend, gray_alone):
    """A millisecond is not enough for half a megapixel."""
    app = create_app(start(quick(gray_alone, timeout_s=0.001)))
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        answer = await client.post("/denoise?model=gray", content=npy(np.ones((700, 700), np.uint8)), headers=NPY)
    assert answer.status_code == 504
    assert answer.json()["limit"] == 0.001


async def test_past_the_bound_of_the_queue_the_answer_is_429_with_retry_after(anyio_backend, gray_alone):
    """While large images are queued for longer than a tiny bound allows, others are told when to come again."""
    app = create_app(start(quick(gray_alone, queue_limit_s=0.001)))
    transport = httpx.ASGITransport(app=app)
    body = npy(np.ones((600, 600), np.uint8))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test", timeout=120) as client,
    ):
        answers = await asyncio.gather(*(client.post(GRAY, content=body, headers=NPY) for _ in range(6)))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert {answer.status_code for answer in answers} == {200, 429}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    assert all(answer.json()["actual"] > answer.json()["limit"] for answer in refused)


async def test_a_full_bulk_lane_refuses_large_images_and_not_small_ones(anyio_backend, gray_alone):
    """What waits for large images is nothing that a small one would wait for."""
    app = create_app(start(quick(gray_alone, queue_limit_s=0.001)))
    transport = httpx.ASGITransport(app=app)
    large, small = (npy(np.ones((side, side), np.uint8)) for side in (600, 64))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test", timeout=120) as client,
    ):
        first = asyncio.create_task(client.post(GRAY, content=large, headers=NPY))
        while app.state.service.queue.state.predicted_s < 0.001:
            await asyncio.sleep(0)
        answers = [await client.post(GRAY, content=body, headers=NPY) for body in (large, small)]
        assert [answer.status_code for answer in (*answers, await first)] == [429, 200, 200]


class CountingEngine:
    """An engine, and how often it ran."""

    device, tolerance, workers = "cpu", OnnxEngine.tolerance, 1

    def __init__(self, models: Path) -> None:
        self._engine = OnnxEngine(load_models(models), device="cpu")
        self.runs = 0

    def run(self, model: str, batch: np.ndarray, *, wide: bool = True) -> np.ndarray:
        """Count, and run."""
        self.runs += 1
        return self._engine.run(model, batch, wide=wide)

    def release(self) -> None:
        """Nothing to count."""


async def test_a_request_whose_client_left_costs_no_further_inference(anyio_backend, gray_alone):
    """The connection closes while 64 tiles wait: they leave the queue, and at most the batch under way was wasted."""
    engine = CountingEngine(gray_alone)
    service = start(quick(gray_alone, batch_pixels=1), engine=engine)
    server = uvicorn.Server(uvicorn.Config(create_app(service), port=0, log_level="critical"))
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(120):
        while not server.started:
            await asyncio.sleep(0.01)
        before = engine.runs
        body = npy(np.random.default_rng(0).random((1900, 1900), np.float32))
        _, writer = await asyncio.open_connection(*server.servers[0].sockets[0].getsockname())
        writer.write(f"POST {GRAY} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        while engine.runs == before:
            await asyncio.sleep(0.001)
        writer.transport.abort()
        at_abort = engine.runs
        while service.queue.state.jobs:
            await asyncio.sleep(0.001)
        server.should_exit = True
        await serving
    # The loop notices the closed connection between batches; one more may have started by then.
    assert engine.runs - at_abort <= 3


async def test_the_process_serves_and_ends_on_sigterm(server):
    """``python -m service`` on a real socket."""
    async with httpx.AsyncClient(base_url=server, timeout=60) as client:
        noisy = npy(photograph(64).astype(np.float32))
        answer = await client.post("/denoise", content=noisy, headers=NPY)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/x-npy"


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"BIASFREE_PORT": "none"}, "BIASFREE_PORT"),
        ({"BIASFREE_MAX_PIXLES": "5"}, "BIASFREE_MAX_PIXLES: no such setting"),
        ({"BIASFREE_HOST": "192.0.2.1"}, "cannot listen on"),
        ({"BIASFREE_MODELS_DIR": "/nowhere"}, "is not a folder"),
        ({"BIASFREE_MODELS_DIR": "/etc"}, "has no .onnx file"),
        ({"BIASFREE_DEVICE": "tpu"}, "BIASFREE_DEVICE"),
        ({"BIASFREE_PRECISION": "bfloat16"}, "requires BIASFREE_ENGINE=openvino"),
    ],
)
def test_a_start_that_is_impossible_is_one_sentence(environment, sentence, stand_ins, refused_start):
    """Exit status 1 and no traceback."""
    said = refused_start(**{"BIASFREE_MODELS_DIR": str(stand_ins), **environment})
    assert sentence in said
    assert said.count("\n") == 1


async def test_an_unforeseen_error_is_a_problem_with_its_id(anyio_backend, monkeypatch, caplog, stand_ins):
    """No internals in the answer, all of them in the log, and the connection stays."""
    service = start(quick(stand_ins))
    app = create_app(service)

    def fail(*_: object) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(service.backends.default, "prepare", fail)
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        answer = await client.post("/denoise", content=npy(np.ones((8, 8), np.uint8)), headers=NPY)
    assert answer.status_code == 500
    assert answer.json()["type"] == "urn:biasfree:problem:internal"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert "secret" not in answer.text
    assert answer.headers["x-request-id"] in caplog.text


def test_a_gpu_that_was_asked_for_and_is_not_there_is_a_refusal_to_start():
    """Never a silent fall-back; where there is a GPU, the device that runs is CUDA."""
    environment = {**os.environ, "BIASFREE_DEVICE": "cuda", "BIASFREE_PORT": "0", "CUDA_VISIBLE_DEVICES": ""}
    ended = subprocess.run(
        [sys.executable, "-m", "service"], env=environment, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 1
    assert "BIASFREE_DEVICE=cuda" in ended.stderr
    assert "Traceback" not in ended.stderr
