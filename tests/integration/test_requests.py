"""The progress of requests, asked for while the device is held."""

import asyncio
import threading
from contextlib import asynccontextmanager

import numpy as np
import pytest

from biasfree.engines.onnx_engine import OnnxEngine
from biasfree_client import AsyncDenoiser
from service.app import start
from service.model_store import load_models
from service.settings import Settings
from tests.integration.clients import client_of
from tests.integration.images import NPY, npy

pytestmark = pytest.mark.anyio

KEY, OTHER = "0123456789abcdef-ann", "0123456789abcdef-bob"
#: Attempts to see a state that comes by itself; each is a request.
ATTEMPTS = 10_000


class Held(OnnxEngine):
    """Passes ``passing`` batches, then holds each until it is opened."""

    def __init__(self, *args, **more) -> None:
        super().__init__(*args, **more)
        self.passing, self.entered, self.opened = 0, threading.Event(), threading.Event()
        self.opened.set()

    def hold(self, *, after: int = 0) -> None:
        """Hold every batch after some."""
        self.passing = after
        self.entered.clear()
        self.opened.clear()

    def run(self, model, batch, *, wide=True):
        """Wait for the gate."""
        if not self.opened.is_set():
            self.passing -= 1
            if self.passing < 0:
                self.entered.set()
                assert self.opened.wait(60)
        return super().run(model, batch, wide=wide)


@asynccontextmanager
async def serving(models, **more):
    """A client of a service with small tiles, one a batch, and its engine."""
    engine = Held(load_models(models), device="cpu", threads=1)
    settings = Settings(
        device="cpu", analysis_enabled=False, models_dir=models, tile_side=64, batch_pixels=1, threads=1, **more
    )
    service = start(settings, engine=engine)
    async with client_of(service) as client:
        try:
            yield client, engine, service
        finally:
            engine.opened.set()


def sent(client, request_id, *, shape=(150, 150), headers=None, **query):
    """A request under way."""
    image = np.random.default_rng(0).random(shape, np.float32)
    headers = {**NPY, "X-Request-Id": request_id, **(headers or {})}
    call = client.post("/denoise", params=query, content=npy(image), headers=headers)
    return asyncio.get_running_loop().create_task(call)


async def progress(client, request_id, **more):
    """The answer about a request."""
    return await client.get(f"/requests/{request_id}", **more)


async def until(client, request_id, reached):
    """The first progress of a kind."""
    for _ in range(ATTEMPTS):
        answer = await progress(client, request_id)
        if answer.status_code == 200 and reached(answer.json()):
            return answer.json()
        await asyncio.sleep(0)  # without a socket a request may never yield
    raise AssertionError(answer.text)


async def test_a_running_request_tells_its_tiles_and_a_waiting_one_its_place(stand_ins):
    """While the device holds the third tile of the first, two more wait in their order; ended ones are unknown."""
    async with serving(stand_ins) as (client, engine, _):
        engine.hold(after=2)
        first = sent(client, "first", model="gray")
        assert await asyncio.to_thread(engine.entered.wait, 60)
        running = await until(client, "first", lambda now: now["tiles_done"] == 2)
        assert running["request_id"] == "first"
        assert running["state"] == "running"
        assert running["place"] is None
        assert running["tiles_total"] > 2
        assert running["seconds_left"] >= 0
        second = sent(client, "second", model="gray")
        waiting = await until(client, "second", lambda now: now["place"] is not None)
        assert waiting["state"] == "waiting"
        assert waiting["place"] in (1, 2)
        assert waiting["tiles_done"] == 0
        engine.opened.set()
        answers = await asyncio.gather(first, second)
        assert [answer.status_code for answer in answers] == [200, 200]
        ended = await progress(client, "first")
        assert ended.status_code == 404
        assert ended.json()["type"] == "urn:biasfree:problem:unknown-request"
        assert len(client._transport.app.state.in_progress) == 0


@pytest.mark.parametrize(
    ("shape", "query"),
    [((150, 150), {"model": "gray", "estimate": True}), ((2, 90, 90), {"model": "gray"}), ((150, 150), {})],
)
async def test_the_total_is_the_number_of_tiles_that_run(stand_ins, shape, query):
    """The total is right with an estimate, for a stack, and where the model is chosen by the first frame."""
    async with serving(stand_ins) as (client, engine, _):
        engine.hold()
        request = sent(client, "all", shape=shape, **query)
        assert await asyncio.to_thread(engine.entered.wait, 60)
        total = (await until(client, "all", lambda now: now["tiles_total"] is not None))["tiles_total"]
        engine.opened.set()
        assert (await request).status_code == 200
        before = batches_of(client)
        assert (await sent(client, "all", shape=shape, **query)).status_code == 200
        # Which model is chosen decides about one pass over the first frame.
        assert abs(batches_of(client) - before - total) <= (0 if "model" in query else total // 2)


def batches_of(client) -> int:
    """Batches since the start, of one tile each."""
    return client._transport.app.state.service.queue.state.batches


async def test_two_requests_with_one_id_do_not_disturb_each_other(stand_ins):
    """The older one is told; the younger is still known when it has gone."""
    async with serving(stand_ins) as (client, engine, _):
        engine.hold()
        older = sent(client, "twin", model="gray")
        assert await asyncio.to_thread(engine.entered.wait, 60)
        younger = sent(client, "twin", model="gray", shape=(40, 40))
        await asyncio.sleep(0)  # it begins
        assert (await progress(client, "twin")).json()["state"] == "running"
        engine.opened.set()
        assert {(await older).status_code, (await younger).status_code} == {200}
        assert (await progress(client, "twin")).status_code == 404


async def test_a_classical_request_is_one_tile(stand_ins):
    """It runs at once if the process is free."""
    async with serving(stand_ins) as (client, _, _):
        first = sent(client, "a", model="wavelet-bayes", shape=(400, 400))
        state = await until(client, "a", lambda now: now["tiles_total"] == 1)
        assert state["state"] == "running"
        assert (await first).status_code == 200
        assert (await progress(client, "a")).status_code == 404


async def test_a_full_queue_refuses_no_question(stand_ins):
    """A question needs no room."""
    async with serving(stand_ins, queue_limit_s=1e-9) as (client, engine, _):
        engine.hold()
        first = sent(client, "first", model="gray")
        assert await asyncio.to_thread(engine.entered.wait, 60)
        assert (await sent(client, "refused", model="gray")).status_code == 429
        assert (await progress(client, "first")).status_code == 200
        assert (await progress(client, "refused")).status_code == 404
        assert "/requests/{request_id}" in (await client.get("/metrics")).text
        engine.opened.set()
        await first


async def test_only_the_key_that_sent_a_request_sees_it(stand_ins, tmp_path):
    """For others it does not exist. Questions do not count against the requests of a key."""
    keys = tmp_path / "keys"
    keys.write_text(f"ann:{KEY}\nbob:{OTHER}\n")
    async with serving(stand_ins, api_keys_file=keys, key_requests_per_minute=1) as (client, engine, _):
        engine.hold()
        request = sent(client, "mine", model="gray", headers={"X-API-Key": KEY})
        assert await asyncio.to_thread(engine.entered.wait, 60)
        answers = [await progress(client, "mine", headers={"X-API-Key": key}) for key in (KEY, OTHER)]
        assert [answer.status_code for answer in answers] == [200, 404]
        assert (await progress(client, "mine")).status_code == 401
        engine.opened.set()
        assert (await request).status_code == 200


async def test_the_client_tells_the_progress_of_its_call(stand_ins):
    """It asks by its own request id while it waits for the answer."""
    async with serving(stand_ins) as (client, engine, _):
        engine.hold(after=2)
        told = []

        def tell(state):
            told.append(state)
            engine.opened.set()

        async with AsyncDenoiser("http://test", transport=client._transport) as denoiser:
            result = await denoiser.denoise(np.ones((150, 150), np.float32), model="gray", progress=tell)
        assert result.array.shape == (150, 150)
        assert told[0].tiles_done <= told[0].tiles_total
