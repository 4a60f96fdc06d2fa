"""``POST /analyze`` with the shipped weights, through HTTP, in its real process."""

import asyncio
import base64
import io
from pathlib import Path

import httpx
import numpy as np
import pytest
import skimage.data
from PIL import Image

from service.analysis.document import AnalysisDocument
from service.app import start
from service.settings import Settings
from tests.integration.clients import client_of
from tests.integration.images import NPY, npy

pytestmark = pytest.mark.anyio

NPZ = {"Accept": "application/x-npz"}


def photograph(height: int = 64, width: int = 80) -> tuple[np.ndarray, np.ndarray]:
    """A corner of a photograph, clean and with noise of sigma 25, (H, W) float32 in 0..255."""
    clean = skimage.data.camera()[90 : 90 + height, 200 : 200 + width].astype(np.float32)
    noise = np.random.default_rng(0).standard_normal(clean.shape).astype(np.float32)
    return clean, clean + 25 * noise


async def arrays(client: httpx.AsyncClient, image: np.ndarray, query: str = "") -> dict[str, np.ndarray]:
    """The NPZ answer, read as NumPy reads what it does not trust."""
    answer = await client.post(f"/analyze?{query}", content=npy(image), headers=NPY | NPZ)
    assert answer.status_code == 200, answer.text
    with np.load(io.BytesIO(answer.content), allow_pickle=False) as archive:
        return dict(archive)


async def test_json_has_everything_a_newcomer_reads(client: httpx.AsyncClient) -> None:
    """The document, centred on the image, with the model that made it and pictures that open."""
    _, noisy = photograph()
    answer = await client.post("/analyze?size=24&k=2&bit_depth=8", content=npy(noisy), headers=NPY)
    assert answer.headers["content-type"] == "application/json"
    document = AnalysisDocument.model_validate_json(answer.content)
    assert (document.patch.x, document.patch.y, document.patch.width) == (28, 20, 24)
    assert document.method == "dense"
    assert len(document.singular_values) == 576
    assert document.homogeneity_error < 1e-5
    assert document.sigma_estimate == pytest.approx(25, rel=0.15)
    assert [each.index for each in document.vectors] == [1, 2, 575, 576]
    picture = base64.b64decode(document.vectors[0].left.partition(",")[2])
    assert Image.open(io.BytesIO(picture)).size == (24, 24)
    assert document.request_id == answer.headers["x-request-id"]
    assert answer.headers["x-model"].endswith(document.model["sha256"])
    assert "analyze;dur=" in answer.headers["server-timing"]


async def test_npz_holds_the_same_numbers_as_json(client: httpx.AsyncClient) -> None:
    """To the digits that JSON has."""
    _, noisy = photograph()
    found = await arrays(client, noisy, "size=16")
    answer = await client.post("/analyze?size=16", content=npy(noisy), headers=NPY)
    for field in ("singular_values", "symmetry", "expansion", "trace", "effective_dimensionality"):
        np.testing.assert_allclose(answer.json()[field], found[field], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("query", ["format=png", ""])
async def test_png_is_one_figure(client: httpx.AsyncClient, query: str) -> None:
    """Asked for by the query or by Accept."""
    _, noisy = photograph()
    answer = await client.post(
        f"/analyze?size=16&k=1&{query}", content=npy(noisy), headers=NPY | ({} if query else {"Accept": "image/png"})
    )
    assert answer.headers["content-type"] == "image/png"
    assert min(Image.open(io.BytesIO(answer.content)).size) > 1000


async def test_what_is_analyzed_is_what_is_denoised(client: httpx.AsyncClient) -> None:
    """The patch in the answer is what ``/denoise`` gives for it: one network behind both routes."""
    _, noisy = photograph()
    found = await arrays(client, noisy, "x=8&y=16&size=24")
    denoised = await client.post("/denoise", content=npy(noisy[16:40, 8:32]), headers=NPY)
    np.testing.assert_array_equal(found["noisy"][0], noisy[16:40, 8:32])
    np.testing.assert_allclose(found["denoised"][0], np.load(io.BytesIO(denoised.content)), rtol=0, atol=1e-2)


async def test_gray_stored_as_rgb_is_analyzed_as_gray(client: httpx.AsyncClient) -> None:
    """As it is denoised; a color network that is named takes its three channels."""
    _, noisy = photograph()
    stored = npy(np.stack([noisy] * 3, axis=2))
    gray = (await client.post("/analyze?size=12", content=npy(noisy), headers=NPY)).json()
    for query in ("", "&model=gray"):
        same = (await client.post(f"/analyze?size=12{query}", content=stored, headers=NPY)).json()
        assert same["singular_values"] == gray["singular_values"]
        assert same["sigma_estimate"] == gray["sigma_estimate"]
    color = (await client.post("/analyze?size=12&model=color", content=stored, headers=NPY)).json()
    assert len(color["singular_values"]) == 3 * len(gray["singular_values"])


async def test_every_way_to_send_gives_the_same(client: httpx.AsyncClient) -> None:
    """As the body, in a form with the clean image, in JSON with it; the clean image changes what is preserved."""
    clean, noisy = photograph()
    raw = (await client.post("/analyze?size=12", content=npy(noisy), headers=NPY)).json()
    form = await client.post("/v1/analyze?size=12", files={"image": npy(noisy), "clean": npy(clean)})
    encoded = {"image": base64.b64encode(npy(noisy)).decode(), "clean": base64.b64encode(npy(clean)).decode()}
    body = await client.post("/analyze?size=12", json=encoded)
    assert form.json()["singular_values"] == body.json()["singular_values"] == raw["singular_values"]
    assert form.json()["signal_preserved"] == body.json()["signal_preserved"] != raw["signal_preserved"]


async def test_colour_and_sixteen_bits(client: httpx.AsyncClient) -> None:
    """A 16-bit RGB image: the noise level is on the 0-255 scale, and every channel has its filter."""
    clean = skimage.data.astronaut()[90:130, 200:240].astype(np.float64) * 257
    noisy = clean + 25 * 257 * np.random.default_rng(0).standard_normal(clean.shape)
    found = await arrays(client, np.clip(noisy, 0, 65535).astype(np.uint16), "x=2&y=3&size=16&pixel=16,17&pixel=5,6")
    assert found["left"].shape == (16, 3, 16, 16)
    assert found["filters"].shape == (6, 3, 16, 16)
    assert found["filter_pixels"].tolist() == [[x, y, c] for x, y in ((16, 17), (5, 6)) for c in range(3)]
    assert found["sigma_estimate"] == pytest.approx(25, rel=0.15)


async def test_a_large_patch_is_decomposed_in_part(client: httpx.AsyncClient) -> None:
    """Beyond 4096 values: the leading triplets within their tolerance, the rest estimated with its errors."""
    noisy = photograph(65, 65)[1]
    answer = (await client.post("/analyze?size=65&k=4", content=npy(noisy), headers=NPY)).json()
    assert answer["method"] == "iterative"
    assert len(answer["singular_values"]) == 4
    assert max(answer["residuals"]) <= answer["tolerance"] * answer["singular_values"][0]
    assert answer["standard_errors"]["effective_dimensionality"] > 0
    assert answer["nuclear_norm"] is None


async def test_the_whole_image_is_estimated_as_denoise_estimates_it(client: httpx.AsyncClient) -> None:
    """Exact products in torch on one side, one finite difference in ONNX Runtime on the other: the same level."""
    _, noisy = photograph(200, 232)
    answer = (await client.post("/analyze?size=8&probes=8&bit_depth=8", content=npy(noisy), headers=NPY)).json()
    denoised = await client.post("/denoise?estimate=true&bit_depth=8", content=npy(noisy), headers=NPY)
    image = answer["image"]
    assert image["sigma_estimate"] == pytest.approx(float(denoised.headers["x-sigma-estimate"]), rel=0.01)
    assert image["estimated_psnr"] == pytest.approx(float(denoised.headers["x-estimated-psnr"]), abs=0.3)
    assert 0 < image["standard_errors"]["trace"] < 0.2 * image["trace"]


async def test_any_page_of_a_stack(client: httpx.AsyncClient) -> None:
    """``frame`` counts from 0, and the first is the default."""
    _, noisy = photograph(16, 16)
    stack = np.stack([noisy, noisy[::-1]])
    second = await arrays(client, stack, "frame=1&size=16&axes=ZYX")
    np.testing.assert_array_equal(second["noisy"][0], noisy[::-1])


async def test_an_image_smaller_than_the_default_patch_is_taken_whole(client: httpx.AsyncClient) -> None:
    """Down to one pixel."""
    for side in (1, 7):
        found = await arrays(client, photograph(side, side + 4)[1])
        assert found["noisy"].shape == (1, side, side)


@pytest.mark.parametrize(
    ("query", "facts"),
    [
        ("size=65", {"limit": 64, "actual": 65}),
        ("x=41", {"limit": 40, "actual": 41}),
        ("y=30&size=40", {"limit": 24, "actual": 30}),
        ("k=65", {"limit": 64, "actual": 65}),
        ("size=2&k=5", {"limit": 4, "actual": 5}),
        ("size=64.5", {}),
        ("method=dense&size=65&color=auto", {"limit": 64, "actual": 65}),
        ("pixel=3,3", {"limit": {"x": [20, 59], "y": [12, 51]}, "actual": {"x": 3, "y": 3}}),
        ("pixel=-1,3", {}),
        ("pixel=3", {}),
        ("probes=65", {}),
        ("frame=1", {"limit": 0, "actual": 1}),
        ("model=color", {"expected": 3, "actual": 1}),
        ("bit_depth=0", {}),
        ("method=lanczos", {}),
        ("sigma=25", {}),
    ],
)
async def test_what_is_out_of_bounds_is_told_with_the_numbers(
    client: httpx.AsyncClient, query: str, facts: dict[str, object]
) -> None:
    """422, before any work."""
    answer = await client.post(f"/analyze?{query}", content=npy(photograph()[1]), headers=NPY)
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:biasfree:problem:invalid-parameter"
    assert facts.items() <= answer.json().items()


async def test_a_dense_analysis_has_a_largest_size(client: httpx.AsyncClient) -> None:
    """4096 values: 64 x 64 gray, 36 x 36 in colour."""
    image = np.zeros((70, 70, 3), np.uint8)
    answer = await client.post("/analyze?method=dense&size=37&model=color", content=npy(image), headers=NPY)
    assert answer.status_code == 422
    assert (answer.json()["limit"], answer.json()["actual"]) == (4096, 3 * 37 * 37)


async def test_pixels_that_are_not_finite_are_refused(client: httpx.AsyncClient) -> None:
    """422, with how many there are."""
    noisy = photograph()[1]
    noisy[3, 4] = np.nan
    answer = await client.post("/analyze", content=npy(noisy), headers=NPY)
    assert (answer.status_code, answer.json()["count"]) == (422, 1)
    assert answer.json()["type"] == "urn:biasfree:problem:invalid-pixels"


async def test_a_clean_image_of_another_size_is_refused(client: httpx.AsyncClient) -> None:
    """422, with both sizes."""
    clean, noisy = photograph()
    answer = await client.post("/analyze", files={"image": npy(noisy), "clean": npy(clean[:-1])})
    assert answer.status_code == 422
    assert (answer.json()["expected"], answer.json()["actual"]) == ([1, 64, 80], [1, 63, 80])


async def test_denoise_does_not_take_a_clean_image(client: httpx.AsyncClient) -> None:
    """A field that would be ignored is an error."""
    clean, noisy = photograph()
    answer = await client.post("/denoise", files={"image": npy(noisy), "clean": npy(clean)})
    assert answer.status_code == 400


async def test_a_form_that_cannot_be_given_is_refused(client: httpx.AsyncClient) -> None:
    """406, with those that can."""
    answer = await client.post("/analyze", content=npy(photograph()[1]), headers=NPY | {"Accept": "text/html"})
    assert answer.status_code == 406
    assert answer.json()["supported"] == ["application/json", "application/x-npz", "image/png"]


async def test_limits_name_those_of_the_analysis(client: httpx.AsyncClient) -> None:
    """What the errors above speak of."""
    limits = (await client.get("/limits")).json()["analysis"]
    assert (limits["max_k"], limits["max_dense_values"]) == (64, 4096)


async def test_a_deadline_ends_a_long_analysis_and_frees_the_process(gray_alone: Path) -> None:
    """504 for what takes minutes; then a small one is answered, and images were denoised all the while."""
    settings = Settings(device="cpu", analysis_timeout_s=1, models_dir=gray_alone)
    noisy = photograph(512, 312)[1]
    async with client_of(start(settings)) as client:
        long = asyncio.create_task(client.post("/analyze?size=312&k=64", content=npy(noisy), headers=NPY))
        denoised = await client.post("/denoise", content=npy(noisy[:64, :64]), headers=NPY)
        assert not long.done()
        assert denoised.status_code == 200
        answer = await long
        assert (answer.status_code, answer.json()["limit"]) == (504, 1)
        assert answer.json()["type"] == "urn:biasfree:problem:deadline-exceeded"
        assert (await client.post("/analyze?size=4&k=1", content=npy(noisy), headers=NPY)).status_code == 200


async def test_an_analysis_that_needs_too_much_memory_fails_alone(gray_alone: Path) -> None:
    """500 with the name of the setting; the service denoises on, and smaller analyses are answered."""
    memory_bytes = 512 * 1024**2
    settings = Settings(
        device="cpu", analysis_memory_bytes=memory_bytes, analysis_max_pixels=10**6, models_dir=gray_alone
    )
    noisy = photograph(512, 312)[1]
    noisy = np.tile(noisy, (4, 4))
    async with client_of(start(settings)) as client:
        answer = await client.post("/analyze?size=1000&k=64", content=npy(noisy), headers=NPY)
        assert answer.status_code == 500
        assert answer.json()["type"] == "urn:biasfree:problem:analysis-failed"
        assert "BIASFREE_ANALYSIS_MEMORY_BYTES" in answer.json()["detail"]
        assert (await client.post("/denoise", content=npy(noisy[:64, :64]), headers=NPY)).status_code == 200
        assert (await client.post("/analyze?size=8", content=npy(noisy), headers=NPY)).status_code == 200


async def test_too_many_analyses_are_told_when_to_come_again(gray_alone: Path) -> None:
    """429 with Retry-After, for all but the one that runs and the one that waits."""
    settings = Settings(device="cpu", analysis_queue=1, models_dir=gray_alone)
    noisy = photograph()[1]
    async with client_of(start(settings)) as client:
        calls = (client.post("/analyze?size=16", content=npy(noisy), headers=NPY) for _ in range(5))
        answers = await asyncio.gather(*calls)
        assert sorted(answer.status_code for answer in answers) == [200, 200, 429, 429, 429]
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.json()["limit"] == 1


async def test_analysis_can_be_switched_off(stand_ins: Path) -> None:
    """404, and nothing about it in the description of the interface."""
    async with client_of(start(Settings(device="cpu", analysis_enabled=False, models_dir=stand_ins))) as client:
        assert (await client.post("/analyze", content=npy(photograph()[1]), headers=NPY)).status_code == 404
        assert "/analyze" not in (await client.get("/openapi.json")).json()["paths"]
        assert (await client.get("/limits")).json()["analysis"] is None
