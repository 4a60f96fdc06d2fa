"""How the page is served: policy, files, and without it. What it does is tested in tests/browser."""

import re

import pytest

from service.app import start
from service.routes.page import FOLDER
from service.settings import Settings
from tests.integration.clients import client_of

pytestmark = pytest.mark.anyio


async def test_the_page_is_served_with_a_strict_policy(client):
    """Nothing is allowed but its own files and its own service."""
    answer = await client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "http" not in policy


def test_no_script_or_style_is_inline():
    """The policy would refuse them."""
    html = (FOLDER / "index.html").read_text()
    assert re.findall(r"<script(?![^>]*src=)|<style|\sstyle=|\son[a-z]+=|javascript:", html) == []


async def test_every_file_that_the_page_names_is_served(client):
    """With the policy, and as what it is."""
    names = re.findall(r'(?:src|href)="(page/[^"]+)"', (await client.get("/")).text)
    assert len(names) > 5
    for name in names:
        answer = await client.get(f"/{name}")
        assert answer.status_code == 200, name
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    script = await client.get("/page/js/main.js")
    assert script.headers["content-type"].startswith("text/javascript")


async def test_what_the_browser_has_is_not_sent_again(client):
    """It asks, and is told that nothing changed."""
    first = await client.get("/page/js/main.js")
    again = await client.get("/page/js/main.js", headers={"If-None-Match": first.headers["etag"]})
    assert first.headers["cache-control"] == "no-cache"
    assert again.status_code == 304


@pytest.mark.parametrize("path", ["/page/none.js", "/page/../settings.py", "/page/%2e%2e/settings.py", "/page/"])
async def test_what_is_no_file_of_the_page_is_a_problem(client, path):
    """404, also for what lies beside the folder."""
    answer = await client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_other_methods_and_paths_answer_as_before(client):
    """The page takes no path from the service."""
    assert (await client.get("/denoise")).status_code == 405
    assert (await client.post("/none")).status_code == 404


async def test_the_page_can_be_switched_off(stand_ins):
    """The documentation is then the front door."""
    settings = Settings(device="cpu", page_enabled=False, analysis_enabled=False, models_dir=stand_ins)
    async with client_of(start(settings)) as client:
        assert (await client.get("/")).headers["location"] == "docs"
        assert (await client.get("/page/js/main.js")).status_code == 404
