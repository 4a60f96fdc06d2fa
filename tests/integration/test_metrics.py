"""``/metrics`` says what clients saw."""

import asyncio
from collections import Counter

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from biasfree.artifact import SHIPPED
from biasfree.engines.onnx_engine import OnnxEngine
from service.app import create_app, start
from service.http.problems import REASONS
from service.http.templates import Templates
from service.model_store import load_models
from service.settings import Settings
from tests.integration.clients import client_of
from tests.integration.images import NPY, npy
from tests.integration.test_errors import PNG, png_header

pytestmark = pytest.mark.anyio

NETWORKS = sorted(path.stem for path in SHIPPED.glob("*.onnx"))
KEY = {"X-API-Key": "0123456789abcdef-ann"}
LIMITED = {"X-API-Key": "0123456789abcdef-bob"}
IMAGE, FLOATS = npy(np.ones((40, 30), np.uint8)), npy(np.ones((9, 9), np.float32))


class Fragile(OnnxEngine):
    """A device that fails on a picture brighter than any other."""

    def run(self, model, batch, **options):
        """As ever, or not at all."""
        if batch.max() > 1e6:
            raise RuntimeError("the device is hot")
        return super().run(model, batch, **options)


@pytest.fixture(scope="module")
def watched(tmp_path_factory, stand_ins):
    """A started service with keys, small limits, CORS and a fragile device."""
    keys = tmp_path_factory.mktemp("keys") / "keys"
    keys.write_text("ann:0123456789abcdef-ann\nbob:0123456789abcdef-bob\n")
    settings = Settings(
        device="cpu",
        api_keys_file=keys,
        key_requests_per_minute=30,
        max_body_bytes=100_000,
        max_pixels=100_000,
        cors_origins="https://example.org",
        analysis_enabled=False,
        models_dir=stand_ins,
    )
    return start(settings, engine=Fragile(load_models(stand_ins), device="cpu"))


async def samples(client) -> dict[tuple[str, frozenset], float]:
    """Every sample of a scrape, by name and labels."""
    answer = await client.get("/metrics", headers=KEY)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = text_string_to_metric_families(answer.text)
    return {(each.name, frozenset(each.labels.items())): each.value for family in families for each in family.samples}


def of(scrape, name, *labels) -> Counter:
    """Samples of one name by the values of some labels, without those that are 0."""
    found = Counter()
    for (sample, pairs), value in scrape.items():
        if sample == name and value:
            found[tuple(dict(pairs)[label] for label in labels)] += value
    return found


def preflight(origin: str) -> dict[str, str]:
    """What a browser asks before it sends a page's request."""
    return {"Origin": origin, "Access-Control-Request-Method": "POST"}


STACK = npy(np.ones((3, 20, 10), np.uint8))
#: Method, path, what is sent, and the route's template.
MIXED = [
    ("POST", "/denoise?model=gray", {"content": IMAGE, "headers": {**NPY, **KEY}}, "/denoise"),
    ("POST", "/v1/denoise?model=gray", {"content": IMAGE, "headers": {**NPY, **KEY}}, "/v1/denoise"),
    ("POST", "/denoise?model=gray", {"content": STACK, "headers": {**NPY, **KEY}}, "/denoise"),
    ("POST", "/denoise", {"content": b"no image", "headers": {**NPY, **KEY}}, "/denoise"),
    ("POST", "/denoise", {"content": b"", "headers": {**PNG, **KEY}}, "/denoise"),
    ("POST", "/denoise?model=none", {"content": IMAGE, "headers": {**NPY, **KEY}}, "/denoise"),
    ("POST", "/denoise?strength=7", {"content": IMAGE, "headers": {**NPY, **KEY}}, "/denoise"),
    ("POST", "/denoise?format=jpeg", {"content": FLOATS, "headers": {**NPY, **KEY}}, "/denoise"),
    ("POST", "/denoise", {"content": bytes(100_001), "headers": {**NPY, **KEY}}, "/denoise"),
    ("POST", "/denoise", {"content": png_header(5000, 5000), "headers": {**PNG, **KEY}}, "/denoise"),
    ("POST", "/denoise", {"content": b"%PDF-1.7", "headers": {"Content-Type": "application/pdf", **KEY}}, "/denoise"),
    ("POST", "/denoise", {"content": npy(np.full((8, 8), np.nan)), "headers": {**NPY, **KEY}}, "/denoise"),
    ("POST", "/denoise", {"content": npy(1e7 * np.eye(8)), "headers": {**NPY, **KEY}}, "/denoise"),
    ("GET", "/denoise", {"headers": KEY}, "/denoise"),
    ("POST", "/denoise", {"content": IMAGE, "headers": NPY}, "/denoise"),
    ("GET", "/models/gray", {"headers": KEY}, "/models/{name}"),
    ("GET", "/models/none", {"headers": KEY}, "/models/{name}"),
    ("GET", "/page/js/main.js", {"headers": KEY}, "/page/{path}"),
    ("GET", "/page/none.js", {"headers": KEY}, "/page/{path}"),
    ("GET", "/wp-admin/a", {"headers": KEY}, "unknown"),
    ("GET", "/wp-admin/b", {"headers": KEY}, "unknown"),
    ("GET", "/wp-admin/c", {}, "unknown"),
    ("BREW", "/denoise", {"headers": KEY}, "/denoise"),
    ("GET", "/healthz", {}, "/healthz"),
    ("GET", "/readyz", {}, "/readyz"),
    ("OPTIONS", "/denoise", {"headers": preflight("https://example.org")}, "/denoise"),
    ("OPTIONS", "/denoise", {"headers": preflight("https://evil.example")}, "/denoise"),
    *[("GET", "/limits", {"headers": LIMITED}, "/limits")] * 33,
]  # fmt: skip


async def test_the_counts_are_what_clients_saw(watched):
    """Every request once, whoever refused it: router, key gate, rate limit, body limit, CORS or the device."""
    seen, reasons = Counter(), Counter()
    async with client_of(watched) as client:
        before = await samples(client)
        for method, path, sent, route in MIXED:
            answer = await client.request(method, path, **sent)
            seen[("other" if method == "BREW" else method, route, str(answer.status_code))] += 1
            if answer.status_code >= 400:
                problem = answer.headers["content-type"] == "application/problem+json"
                reasons[(answer.json()["type"].rpartition(":")[2] if problem else "other",)] += 1
            assert answer.headers["x-request-id"]
        after = await samples(client)
    statuses = {int(status) for _, _, status in seen}
    assert statuses >= {200, 400, 401, 404, 405, 406, 413, 415, 422, 429, 500}
    seen[("GET", "/metrics", "200")] = 1  # the first scrape; the second is not over when it is taken
    names = ("method", "route", "status")
    assert (
        of(after, "biasfree_http_requests_total", *names) - of(before, "biasfree_http_requests_total", *names) == seen
    )
    assert of(after, "biasfree_rejected_total", "reason") == reasons
    timed = of(after, "biasfree_http_request_duration_seconds_count", "method", "route")
    assert timed.total() == seen.total()
    assert of(after, "biasfree_pixels_total", "model") == {("gray",): 2 * 40 * 30 + 3 * 20 * 10}
    assert of(after, "biasfree_stage_duration_seconds_count", "stage") == {
        (stage,): 3 for stage in ("decode", "queue", "infer", "encode")
    }
    assert of(after, "biasfree_batch_tiles_count").total() >= 4
    assert of(after, "biasfree_batch_pixels_sum").total() >= 2 * 40 * 30 + 3 * 20 * 10


async def test_a_fresh_service_has_every_series_that_an_alert_may_ask_for(stand_ins):
    """So that a first error is an increase, and not a series that was not there."""
    async with client_of(start(Settings(device="cpu", analysis_enabled=False, models_dir=stand_ins))) as client:
        scrape = await samples(client)
    for reason in REASONS:
        assert scrape[("biasfree_rejected_total", frozenset({("reason", reason)}))] == 0
    for model in NETWORKS:
        assert scrape[("biasfree_pixels_total", frozenset({("model", model)}))] == 0
    assert scrape[("biasfree_ready", frozenset())] == 1
    assert scrape[("biasfree_queue_limit_seconds", frozenset())] == 60
    assert of(scrape, "biasfree_model_info", "model").keys() == {(model,) for model in NETWORKS}
    assert of(scrape, "biasfree_build_info", "device", "engine") == {("cpu", "onnxruntime"): 1}
    assert of(scrape, "process_resident_memory_bytes").total() > 1e7


async def test_the_queue_is_seen_while_it_works_and_is_empty_afterwards(gray_alone):
    """Pixels and predicted seconds are above zero while a large image is denoised."""
    service = start(Settings(device="cpu", tile_side=512, analysis_enabled=False, models_dir=gray_alone))
    async with client_of(service) as client:
        image = npy(np.ones((600, 600), np.uint8))
        first = asyncio.create_task(client.post("/denoise?model=gray", content=image, headers=NPY))
        async with asyncio.timeout(60):
            while not service.queue.state.pixels:
                await asyncio.sleep(0.001)
        during = await samples(client)
        assert (await first).status_code == 200
        after = await samples(client)
    for name in ("biasfree_queue_pixels", "biasfree_queue_predicted_seconds"):
        assert during[(name, frozenset())] > 0
        assert after[(name, frozenset())] == 0
    assert after[("biasfree_queue_jobs", frozenset())] == after[("biasfree_queue_tiles", frozenset())] == 0


async def test_a_service_that_ends_is_not_ready(anyio_backend, stand_ins):
    """In the metrics as in ``/readyz``."""
    async with client_of(start(Settings(device="cpu", analysis_enabled=False, models_dir=stand_ins))) as client:
        client._transport.app.state.service.draining.set()
        assert (await samples(client))[("biasfree_ready", frozenset())] == 0
        assert (await client.get("/readyz")).status_code == 503


async def test_openmetrics_is_given_where_it_is_asked_for(client):
    """As Prometheus asks."""
    answer = await client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/", "/"),
        ("/denoise", "/denoise"),
        ("/denoise/", "unknown"),
        ("/models/gray", "/models/{name}"),
        ("/models/a/b", "unknown"),
        ("/page/css/page.css", "/page/{path}"),
        ("/openapi.json", "/openapi.json"),
        ("/docs", "/docs"),
        ("/denoise\n", "unknown"),
    ],
)
def test_a_path_is_known_by_its_template(service, path, template):
    """And what is none of them is one label, however many there are."""
    assert Templates(create_app(service).routes).of(path) == template
