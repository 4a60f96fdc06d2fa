"""What every answer says to browsers, and pages of other origins."""

import re

import numpy as np
import pytest

from service.app import start
from service.settings import Settings
from tests.integration.clients import client_of
from tests.integration.images import NPY, npy

pytestmark = pytest.mark.anyio

IMAGE = npy(np.ones((8, 8), np.uint8))
PAGE = "https://app.example.org"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"), ("GET", "/page/js/main.js"), ("GET", "/docs"), ("GET", "/openapi.json"), ("GET", "/models"),
        ("GET", "/healthz"), ("GET", "/none"), ("PUT", "/denoise"), ("POST", "/denoise"), ("POST", "/analyze"),
    ],
)  # fmt: skip
async def test_every_answer_ties_the_browser_down(client, method, path):
    """Pages, files, documents, images and problems."""
    answer = await client.request(method, path, content=b"no image" if method == "POST" else None)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert len(answer.headers.get_list("content-security-policy")) == 1


async def test_results_and_problems_are_stored_nowhere(client):
    """The page's files are, and are asked for again."""
    result = await client.post("/denoise", content=IMAGE, headers=NPY)
    problem = await client.post("/denoise", content=b"no image")
    assert (result.status_code, problem.status_code) == (200, 415)
    assert result.headers["cache-control"] == problem.headers["cache-control"] == "no-store"
    assert (await client.get("/page/js/main.js")).headers["cache-control"] == "no-cache"


async def test_an_unforeseen_error_is_tied_down_and_read_by_pages_too(anyio_backend, monkeypatch, stand_ins):
    """The last handler's answer passes the same way as every other."""
    service = start(Settings(device="cpu", cors_origins=(PAGE,), analysis_enabled=False, models_dir=stand_ins))

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(service.backends.default, "prepare", fail)
    async with client_of(service) as client:
        answer = await client.post("/denoise", content=IMAGE, headers={**NPY, "Origin": PAGE})
    assert answer.status_code == 500
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["access-control-allow-origin"] == PAGE


async def test_the_documentation_runs_its_own_script_and_no_other(client):
    """By its hash; what it loads comes from where the policy says."""
    answer = await client.get("/docs")
    policy = answer.headers["content-security-policy"]
    scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert scripts.count("'sha256-") == len(re.findall("<script>", answer.text)) == 1
    assert "unsafe" not in scripts
    allowed = [source for source in policy.replace(";", "").split() if source.startswith("https://")]
    for address in re.findall(r'(?:src|href)="(https://[^"]+)"', answer.text):
        assert address.startswith(tuple(allowed))
    assert (await client.get("/openapi.json")).status_code == 200


async def test_pages_of_other_origins_are_allowed_nothing(client):
    """Unless somebody said so."""
    answer = await client.get("/models", headers={"Origin": PAGE})
    assert not [name for name in answer.headers if name.startswith("access-control")]
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    assert (await client.options("/denoise", headers=asked)).status_code == 405


async def test_pages_of_a_named_origin_may_use_the_service(anyio_backend, tmp_path, stand_ins):
    """Send a key, and read what is beside the image and why they are refused; others may not."""
    (tmp_path / "keys").write_text("0123456789abcdef")
    chosen = Settings(
        device="cpu",
        cors_origins=(PAGE, "http://localhost:3000"),
        api_keys_file=tmp_path / "keys",
        analysis_enabled=False,
        models_dir=stand_ins,
    )
    async with client_of(start(chosen)) as client:
        asked = {
            "Origin": PAGE,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization, content-type, x-request-id",
        }
        preflight = await client.options("/denoise", headers=asked)
        stranger = await client.options("/denoise", headers={**asked, "Origin": "https://evil.example"})
        key = {"Authorization": "Bearer 0123456789abcdef"}
        answer = await client.post("/denoise", content=IMAGE, headers={**NPY, **key, "Origin": PAGE})
        refused = await client.post("/denoise", content=IMAGE, headers={**NPY, "Origin": PAGE})
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == PAGE
    assert stranger.status_code == 400
    assert "access-control-allow-origin" not in stranger.headers
    assert answer.status_code == 200
    assert refused.status_code == 401
    for each in (answer, refused):
        assert each.headers["access-control-allow-origin"] == PAGE
        assert "access-control-allow-credentials" not in each.headers
        assert {"X-Model", "X-Request-Id", "Retry-After"} <= set(
            each.headers["access-control-expose-headers"].split(", ")
        )


def test_origins_are_read_from_a_list_with_commas(monkeypatch):
    """As environment variables have them."""
    monkeypatch.setenv("BIASFREE_CORS_ORIGINS", "https://a.example, http://[::1]:3000")
    assert Settings().cors_origins == ("https://a.example", "http://[::1]:3000")
    monkeypatch.setenv("BIASFREE_CORS_ORIGINS", "*")
    assert Settings().cors_origins == ("*",)
    monkeypatch.setenv("BIASFREE_CORS_ORIGINS", "")
    assert Settings().cors_origins is None
