"""The classical denoisers, served beside the networks."""

import asyncio
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from biasfree.artifact import SHIPPED
from biasfree.choice import CHOICES
from biasfree.classical import METHODS, load
from service.app import start
from service.settings import Settings
from tests.integration.clients import client_of
from tests.integration.images import NPY, from_npy, npy, photograph, psnr, with_noise

pytestmark = pytest.mark.anyio

NETWORKS = sorted(path.stem for path in SHIPPED.glob("*.onnx"))


def quick(models: Path, **more) -> Settings:
    """No analyses, and stand-ins for the networks."""
    return Settings(device="cpu", analysis_enabled=False, models_dir=models, **more)


async def denoise(client, array: np.ndarray, **query):
    """The answer to an array."""
    return await client.post("/denoise", params=query, content=npy(array), headers=NPY)


async def denoised_array(client, array: np.ndarray, **query) -> np.ndarray:
    """The array in the answer."""
    answer = await denoise(client, array, **query)
    assert answer.status_code == 200, answer.text
    return from_npy(answer.content)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("channels", [1, 3])
async def test_every_classical_denoiser_is_served(client, name, channels):
    """It denoises, and gives what the library gives; there is no file to have a checksum."""
    clean = photograph(128, channels=channels).astype(np.float32)
    noisy = with_noise(clean, 25).astype(np.float32)
    answer = await denoise(client, noisy, model=name)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-model"] == f"{name}; version=1"
    denoised = from_npy(answer.content)
    assert denoised.shape == noisy.shape
    assert denoised.dtype == np.float32
    assert psnr(clean, denoised) > psnr(clean, noisy) + 4
    expected = load(name)(noisy.reshape(128, 128, channels)).reshape(noisy.shape)
    np.testing.assert_allclose(denoised, expected, rtol=0, atol=1e-5)


async def test_scaling_is_nobodys_job(client):
    """8 and 16 bits in PNG, and floats in 0..4095, come back as what they were."""
    noisy = np.clip(with_noise(photograph(96), 25), 0, 1)
    unit = await denoised_array(client, noisy.astype(np.float32), model="wavelet-bayes")
    large = await denoised_array(client, (noisy * 4095).astype(np.float32), model="wavelet-bayes")
    np.testing.assert_allclose(large / 4095, unit, atol=1e-4)
    for dtype, white in ((np.uint8, 255), (np.uint16, 65535)):
        buffer = io.BytesIO()
        Image.fromarray(np.round(noisy * white).astype(dtype)).save(buffer, "png")
        query, headers = {"model": "wavelet-bayes"}, {"Content-Type": "image/png"}
        answer = await client.post("/denoise", params=query, content=buffer.getvalue(), headers=headers)
        denoised = np.asarray(Image.open(io.BytesIO(answer.content)))
        assert denoised.dtype == dtype
        assert np.abs(denoised / white - np.clip(unit, 0, 1)).max() < 0.02


async def test_every_choice_of_the_caller_holds(client):
    """Strength, residual, colours, pages, and JSON as for the networks; the level is the method's own, and no PSNR."""
    noisy = with_noise(photograph(64), 25).astype(np.float32)
    whole = await denoised_array(client, noisy, model="wiener")
    half = await denoised_array(client, noisy, model="wiener", strength=0.5)
    np.testing.assert_array_equal(await denoised_array(client, noisy, model="wiener", strength=0), noisy)
    np.testing.assert_allclose(half, (noisy + whole) / 2, atol=1e-6)
    residual = await denoised_array(client, noisy, model="wiener", output="residual")
    np.testing.assert_allclose(residual, noisy - whole, atol=1e-6)
    stack = await denoised_array(client, np.stack([noisy, 2 * noisy]), model="wiener")
    np.testing.assert_allclose(stack, np.stack([whole, 2 * whole]), atol=1e-5)
    colored = await denoised_array(client, noisy, model="wiener", color="rgb", format="npy")
    np.testing.assert_allclose(colored, np.dstack([whole] * 3), atol=1e-4)
    estimated = await denoise(client, noisy, model="wiener", estimate=True)
    assert 20 < float(estimated.headers["x-sigma-estimate"]) < 30
    assert "x-estimated-psnr" not in estimated.headers
    report = await client.post(
        "/denoise", params={"model": "wiener"}, content=npy(noisy), headers={**NPY, "Accept": "application/json"}
    )
    assert report.json()["model"] == {"name": "wiener", "version": "1"}


async def test_they_are_among_the_models_and_say_what_they_are(client):
    """Without a checksum, with a source; the networks come first."""
    models = (await client.get("/models")).json()
    assert [each["kind"] for each in models] == ["network"] * len(NETWORKS) + ["classical"] * len(METHODS)
    for each in models[len(NETWORKS) :]:
        assert each["sha256"] is None
        model = (await client.get(f"/models/{each['name']}")).json()
        assert model["sha256"] is None
        assert model["card"]["reference"] == METHODS[each["name"]].reference
        assert model["card"]["libraries"]["scipy"]


async def test_they_cannot_be_analysed(client):
    """There is no network; the answer says so."""
    answer = await client.post("/analyze?model=wavelet-bayes", content=npy(np.ones((8, 8), np.float32)), headers=NPY)
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:biasfree:problem:invalid-parameter"
    assert "'wavelet-bayes' is not a network" in answer.json()["detail"]


async def test_an_unknown_model_is_told_all_names(client):
    """The automatic choices, networks and classical ones."""
    problem = (await denoise(client, np.ones((8, 8), np.float32), model="wavelet-byes")).json()
    assert {*CHOICES, *NETWORKS, *METHODS} == set(problem["supported"])
    assert problem["detail"] == "no model is called 'wavelet-byes'; did you mean 'wavelet-bayes'?"


async def test_an_image_that_is_too_large_for_them_is_refused(anyio_backend, stand_ins):
    """With the numbers; a network takes it."""
    async with client_of(start(quick(stand_ins, classical_max_pixels=100))) as client:
        image = np.ones((8, 13), np.float32)
        problem = (await denoise(client, image, model="wiener")).json()
        assert (problem["status"], problem["limit"], problem["actual"]) == (413, 100, 104)
        assert (await denoise(client, image)).status_code == 200


async def test_past_the_bound_they_are_refused_and_the_networks_are_not(anyio_backend, stand_ins):
    """One runs, none may wait: 429 with the seconds. A full queue of the networks, in turn, is no matter to them."""
    async with client_of(start(quick(stand_ins, classical_queue=0))) as client:
        large = with_noise(np.tile(photograph(512), (3, 3)), 25).astype(np.float32)
        busy = asyncio.create_task(denoise(client, large, model="nonlocal-means"))
        bulkhead = client._transport.app.state.service.backends.of("wiener").bulkhead
        async with asyncio.timeout(120):
            while not bulkhead.state.running:
                await asyncio.sleep(0)
        small = np.ones((16, 16), np.float32)
        refused = await denoise(client, small, model="wiener")
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 1
        assert (await denoise(client, small)).status_code == 200
        assert not busy.done()
        busy.cancel()  # its client leaves: the process ends with it, and the next finds a new one
        await asyncio.gather(busy, return_exceptions=True)
        assert (await denoise(client, small, model="wiener")).status_code == 200


async def test_the_deadline_ends_one_that_takes_too_long(anyio_backend, stand_ins):
    """504, and the process is gone."""
    async with client_of(start(quick(stand_ins, timeout_s=0.5))) as client:
        large = with_noise(np.tile(photograph(512), (5, 5)), 25).astype(np.float32)
        answer = await denoise(client, large, model="nonlocal-means")
        assert answer.status_code == 504
        assert "classical denoiser" in answer.json()["detail"]


async def test_want_of_memory_fails_that_image_alone(anyio_backend, stand_ins):
    """500 with a sentence; the next one is denoised."""
    settings = quick(stand_ins, analysis_memory_bytes=512 * 2**20, classical_max_pixels=64_000_000)
    async with client_of(start(settings)) as client:
        answer = await denoise(client, np.ones((5000, 8000), np.uint8), model="wavelet-bayes")
        assert answer.status_code == 500
        assert answer.json()["type"] == "urn:biasfree:problem:inference-failed"
        assert "memory" in answer.json()["detail"]
        assert (await denoise(client, np.ones((16, 16), np.float32), model="wiener")).status_code == 200


async def test_without_the_extra_they_are_not_there(anyio_backend, monkeypatch, stand_ins):
    """404 for a name that is not served."""
    monkeypatch.setattr("biasfree.classical.available", lambda: False)
    async with client_of(start(quick(stand_ins))) as client:
        assert {each["kind"] for each in (await client.get("/models")).json()} == {"network"}
        assert (await denoise(client, np.ones((8, 8), np.float32), model="wiener")).status_code == 404


async def test_a_classical_denoiser_has_no_ensemble(client):
    """It says so; a number of orientations that does not exist is refused for networks as well."""
    image = np.zeros((8, 8), np.uint8)
    answer = await denoise(client, image, model="wiener", ensemble=8)
    assert answer.status_code == 422
    assert "networks only" in answer.json()["detail"]
    answer = await denoise(client, image, ensemble=3)
    assert answer.status_code == 422
    assert answer.json()["parameters"][0]["parameter"] == "ensemble"
