"""A service with API keys: who is let in, and how often."""

import asyncio

import httpx
import numpy as np
import pytest

from biasfree_client import AsyncDenoiser, RateLimited, Retries, Unauthorized
from service.app import create_app, start
from service.http.key_gate import PROBES
from service.routes.page import FOLDER
from service.settings import Settings
from tests.integration.clients import client_of
from tests.integration.images import NPY, npy

pytestmark = pytest.mark.anyio

KEY, OTHER = "0123456789abcdef-ann", "0123456789abcdef-bob"
BEARER = {"Authorization": f"Bearer {KEY}"}
IMAGE = npy(np.ones((8, 8), np.uint8))


def settings(path, models, **more):
    """With two keys."""
    file = path / "keys"
    file.write_text(f"ann:{KEY}\nbob:{OTHER}\n")
    return Settings(device="cpu", api_keys_file=file, models_dir=models, **more)


@pytest.fixture(scope="module")
def locked(tmp_path_factory, stand_ins):
    """A started service with keys."""
    return start(settings(tmp_path_factory.mktemp("keys"), stand_ins))


@pytest.fixture(scope="module")
async def visitor(locked, anyio_backend):
    """A client of it without a key."""
    async with client_of(locked) as client:
        yield client


def routes(app) -> set[tuple[str, str]]:
    """Method and path of everything that the application serves, the page's files one by one."""
    found = {
        (method, context.path.replace("{name}", "gray"))
        for context in all_routes(app.router.routes)
        for method in getattr(context, "methods", None) or ()
    }
    files = {("GET", f"/page/{file.relative_to(FOLDER)}") for file in FOLDER.rglob("*") if file.is_file()}
    return found | files


def all_routes(tree):
    """Those of included routers too, whichever way FastAPI keeps them."""
    for route in tree:
        if contexts := getattr(route, "effective_route_contexts", None):
            yield from contexts()
        else:
            yield route


async def test_every_route_but_the_probes_refuses_without_a_key(visitor, locked):
    """All of the route table, every file of the page, and what does not exist."""
    table = routes(create_app(locked))
    assert {
        ("POST", "/denoise"),
        ("POST", "/v1/analyze"),
        ("GET", "/docs"),
        ("GET", "/openapi.json"),
        ("GET", "/"),
    } <= table
    assert {path for _, path in table} > {"/page/index.html", "/page/js/main.js", "/models/gray", "/limits", *PROBES}
    for method, path in sorted(
        table | {("GET", "/none"), ("GET", "/healthz/"), ("POST", "/readyz"), ("GET", "/metrics")}
    ):
        answer = await visitor.request(method, path)
        if method in ("GET", "HEAD") and path.removesuffix("/") in PROBES:
            assert answer.status_code == 200, path
            continue
        assert answer.status_code == 401, (method, path)
        assert answer.headers["www-authenticate"] == 'Bearer realm="biasfree"'
        if method != "HEAD":
            assert answer.json()["type"] == "urn:biasfree:problem:unauthorized"
            assert answer.json()["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    "headers",
    [
        BEARER,
        {"Authorization": f"bearer  {KEY}"},
        {"X-API-Key": KEY},
        {"X-API-Key": OTHER, "Authorization": "Basic cHJveHk6c2VjcmV0"},
    ],
)
async def test_a_key_opens_everything(visitor, headers):
    """As a bearer's or in its own header, also where a proxy uses the other one."""
    assert (await visitor.post("/denoise", content=IMAGE, headers={**NPY, **headers})).status_code == 200
    assert (await visitor.get("/page/js/main.js", headers=headers)).status_code == 200


@pytest.mark.parametrize("headers", [{"Authorization": f"Bearer {KEY}x"}, {"X-API-Key": "wrong"}])
async def test_a_wrong_key_is_refused_and_never_told(visitor, headers, caplog):
    """Neither in the answer nor in the log."""
    caplog.set_level("DEBUG")
    answer = await visitor.get("/models", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].endswith('error="invalid_token"')
    assert KEY not in answer.text + caplog.text


async def test_a_key_in_the_address_or_as_a_password_is_none(visitor):
    """Addresses are logged everywhere."""
    assert (await visitor.get("/models", params={"api_key": KEY, "X-API-Key": KEY})).status_code == 401
    assert (await visitor.get("/models", auth=("ann", KEY))).status_code == 401


async def test_without_a_key_no_body_is_read(locked):
    """The refusal comes before the first byte is asked for."""
    sent = []

    async def send(message) -> None:
        sent.append(message)

    async def unread():
        raise AssertionError("the body was read")

    scope = {"type": "http", "method": "POST", "path": "/denoise", "query_string": b"", "headers": []}
    await create_app(locked)(scope, unread, send)
    assert sent[0]["status"] == 401


async def test_the_client_sends_what_the_service_takes(locked):
    """Its key lets it in, and none is an error with its own name."""
    transport = httpx.ASGITransport(app=create_app(locked))
    async with AsyncDenoiser("http://test", api_key=KEY, transport=transport) as denoiser:
        assert (await denoiser.denoise(np.ones((8, 8), np.uint8))).array.shape == (8, 8)
    async with AsyncDenoiser("http://test", transport=transport) as denoiser:
        with pytest.raises(Unauthorized):
            await denoiser.models()


async def test_the_document_declares_the_keys(visitor, client):
    """Either scheme, on everything but the probes; a service without keys declares none."""
    document = (await visitor.get("/openapi.json", headers=BEARER)).json()
    schemes = document["components"]["securitySchemes"]
    assert {(each["type"], each.get("scheme"), each.get("name")) for each in schemes.values()} == {
        ("http", "bearer", None), ("apiKey", None, "X-API-Key"),
    }  # fmt: skip
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert (path in PROBES) == ("security" not in operation), path
            assert (path in PROBES) == ("401" not in operation["responses"]), path
            assert path in PROBES or [len(each) for each in operation["security"]] == [1, 1]
    open_document = (await client.get("/openapi.json")).json()
    assert "securitySchemes" not in open_document["components"]


async def test_requests_a_minute_are_counted_for_each_key_and_told(tmp_path, stand_ins):
    """Standard fields on every answer, 429 with an honest Retry-After, and another key is not touched."""
    async with client_of(
        start(settings(tmp_path, stand_ins, key_requests_per_minute=2, analysis_enabled=False))
    ) as client:
        first, second, third = [await client.get("/limits", headers=BEARER) for _ in range(3)]
        other = await client.get("/none", headers={"X-API-Key": OTHER})
        probe, stranger = await client.get("/readyz"), await client.get("/limits")
        metrics = await client.get("/metrics", headers=BEARER)
    assert [answer.status_code for answer in (first, second, third, other)] == [200, 200, 429, 404]
    assert {answer.headers["ratelimit-policy"] for answer in (first, second, third, other)} == {'"default";q=2;w=60'}
    assert first.headers["ratelimit"] == '"default";r=1;t=30'
    assert third.headers["ratelimit"].startswith('"default";r=0;t=')
    assert 1 <= int(third.headers["retry-after"]) <= 30
    assert third.json()["type"] == "urn:biasfree:problem:rate-limited"
    assert third.json()["limit"] == 2
    # A supervisor reads them several times a minute, with a key of its own or another's.
    assert metrics.status_code == 200
    assert "ratelimit" not in probe.headers
    assert "ratelimit" not in stranger.headers


async def test_pixels_in_flight_are_bounded_for_each_key(tmp_path, gray_alone):
    """While one image is denoised a second of the same key is told to come again; afterwards it may."""
    limits = {"key_pixels_in_flight": 520 * 520, "analysis_enabled": False}
    service = start(settings(tmp_path, gray_alone, **limits))
    image = npy(np.ones((520, 520), np.uint8))
    async with client_of(service) as client:

        def denoise(key):
            return client.post("/denoise?model=gray", content=image, headers={**NPY, "X-API-Key": key})

        first = asyncio.create_task(denoise(KEY))
        async with asyncio.timeout(60):
            while not service.access.pixels.in_flight("ann"):
                await asyncio.sleep(0.001)
        refused, other = await denoise(KEY), await denoise(OTHER)
        assert (await first).status_code == 200
        again = await denoise(KEY)
        large = await client.post("/denoise", content=npy(np.ones((521, 520), np.uint8)), headers={**NPY, **BEARER})
    assert (refused.status_code, other.status_code, again.status_code) == (429, 200, 200)
    assert refused.json()["type"] == "urn:biasfree:problem:pixels-in-flight"
    assert int(refused.headers["retry-after"]) >= 1
    assert (large.status_code, large.json()["limit"]) == (413, 270_400)
    assert service.access.pixels.in_flight("ann") == 0


async def test_the_client_knows_a_rate_limit(tmp_path, stand_ins):
    """By its class, with the seconds to wait."""
    service = start(settings(tmp_path, stand_ins, key_requests_per_minute=1))
    transport = httpx.ASGITransport(app=create_app(service))
    async with AsyncDenoiser("http://test", api_key=KEY, transport=transport) as denoiser:
        denoiser = denoiser.with_options(retries=Retries(tries=1))
        await denoiser.limits()
        with pytest.raises(RateLimited) as caught:
            await denoiser.limits()
    assert 1 <= caught.value.retry_after_s <= 60


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"BIASFREE_API_KEYS_FILE": "/nowhere/keys"}, "cannot read BIASFREE_API_KEYS_FILE=/nowhere/keys"),
        ({"BIASFREE_KEY_REQUESTS_PER_MINUTE": "5"}, "requires BIASFREE_API_KEYS_FILE"),
        ({"BIASFREE_CORS_ORIGINS": "https://example.org/"}, "BIASFREE_CORS_ORIGINS"),
    ],
)
def test_a_start_without_usable_keys_is_refused_in_one_sentence(environment, sentence, stand_ins, refused_start):
    """Exit status 1 and no traceback."""
    said = refused_start(**{"BIASFREE_MODELS_DIR": str(stand_ins), **environment})
    assert sentence in said
    assert said.count("\n") == 1
