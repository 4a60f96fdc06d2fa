"""Requests as clients in the wild send them, over a socket."""

import base64
import io
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from service.app import start
from service.settings import Settings
from tests.integration.clients import client_of

H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"


def png(side: int = 24) -> bytes:
    """A gray PNG."""
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(90, 160, (side, side), np.uint8)
    Image.fromarray(noise).save(buffer, "PNG")
    return buffer.getvalue()


def ask(url: str, *pieces: bytes) -> httpx.Response:
    """Send bytes as they are, in pieces, and read one answer."""
    host, port = httpx.URL(url).host, httpx.URL(url).port
    with socket.create_connection((host, port), timeout=60) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            connection.sendall(piece)
        answer = connection.makefile("rb")
        status = int(answer.readline().split()[1])
        headers = {}
        while (line := answer.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name] = value.strip()
        length = {key.lower(): value for key, value in headers.items()}["content-length"]
        return httpx.Response(status, headers=headers, content=answer.read(int(length)))


def head(body: bytes, *more: bytes) -> bytes:
    """The head of a POST to /denoise."""
    length = f"Content-Length: {len(body)}\r\n".encode()
    return b"POST /denoise HTTP/1.1\r\nHost: x\r\n" + b"".join(more) + b"Content-Type: image/png\r\n" + length + b"\r\n"


@pytest.mark.parametrize("cut", ["one write", "head first", "in the head", "in the body"])
def test_an_offer_to_upgrade_costs_no_body(server: str, cut: str) -> None:
    """Java's HttpClient, Ktor and curl --http2 offer h2c with every request."""
    body = png()
    whole = head(body, H2C) + body
    place = {"one write": len(whole), "head first": len(whole) - len(body), "in the head": 40, "in the body": -20}[cut]
    answer = ask(server, whole[:place], whole[place:])
    assert answer.status_code == 200
    assert Image.open(io.BytesIO(answer.content)).size == (24, 24)


def test_a_connection_goes_on_after_an_offer_to_upgrade(server: str) -> None:
    """The next request on it has one as well."""
    body = png()
    whole = head(body, H2C) + body
    with httpx.Client(base_url=server) as client:
        for _ in range(2):
            headers = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "Content-Type": "image/png"}
            assert client.post("/denoise", content=body, headers=headers).status_code == 200
    assert ask(server, whole).status_code == 200


@pytest.mark.parametrize(
    "disposition",
    [
        'form-data; name="image"; filename="a.png"',
        'form-data; name="image"; filename=""',
        'form-data; name="image"',
        "form-data; name=\"image\"; filename*=UTF-8''%C3%A4.png",
    ],
)
@pytest.mark.parametrize("large", [False, True])
def test_a_part_is_an_image_whatever_its_file_is_called(server: str, disposition: str, large: bool) -> None:
    """Also above 1 MiB, where a text field may not be."""
    image = png() + bytes(2**20 if large else 0)  # what follows a PNG's end is ignored
    body = b"--XX\r\nContent-Disposition: " + disposition.encode() + b"\r\n\r\n" + image + b"\r\n--XX--\r\n"
    answer = httpx.post(
        f"{server}/denoise", content=body, headers={"Content-Type": "multipart/form-data; boundary=XX"}, timeout=60
    )
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", "image/png"),  # Java's HttpURLConnection
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", "image/png"),
        ("image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", "image/png"),
        ("image/jpeg", "image/jpeg"),
        ("image/webp, image/jpeg;q=0.5", "image/webp"),
        ("image/png;q=nan, */*", "image/bmp"),
        ("*", "image/png"),
    ],
)
def test_default_accept_headers_get_the_format_that_was_sent(server: str, accept: str, media_type: str) -> None:
    """A format that loses detail comes only where nothing else is allowed. A weight that is no number is 0."""
    answer = httpx.post(
        f"{server}/denoise", content=png(), headers={"Content-Type": "image/png", "Accept": accept}, timeout=60
    )
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, media_type)


def test_json_may_begin_with_a_byte_order_mark(server: str) -> None:
    """Windows programs write one."""
    body = b"\xef\xbb\xbf" + json.dumps({"image": "data:image/png;base64," + base64.b64encode(png()).decode()}).encode()
    answer = httpx.post(f"{server}/denoise", content=body, headers={"Content-Type": "application/json"}, timeout=60)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("root_path", ["", "/denoiser"])
@pytest.mark.parametrize("end", ["/", "//"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.anyio
async def test_docs_with_a_trailing_slash_lead_to_docs(stand_ins: Path, root_path: str, end: str, method: str) -> None:
    """Its links are relative. The redirect names no host or scheme, and fits any path of a proxy, stripped or not."""
    settings = Settings(device="cpu", root_path=root_path, analysis_enabled=False, models_dir=stand_ins)
    async with client_of(start(settings)) as client:
        for base in {"", root_path}:
            answer = await client.request(method, f"{base}/docs{end}", headers={"Host": "evil.example"})
            assert answer.status_code == 307
            assert answer.headers["location"] == "../" * len(end) + "docs"
            assert (await client.get(f"{base}/docs")).status_code == 200
    shown = httpx.URL(f"http://proxy.example{root_path}/docs/").join("../docs")
    assert shown == f"http://proxy.example{root_path}/docs"


@pytest.mark.parametrize("path", ["/models", "/models/gray", "/limits", "/metrics", "/openapi.json", "/readyz"])
def test_whatever_can_be_read_takes_head(server: str, path: str) -> None:
    """Monitors and load balancers ask so; the answer has no body."""
    answer = httpx.head(server + path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Type"] == httpx.get(server + path).headers["Content-Type"]


@pytest.mark.parametrize("path", ["/denoise/", "/v1/denoise/", "/models/", "/healthz/"])
def test_a_trailing_slash_is_no_redirect(server: str, path: str) -> None:
    """A redirect would name http and the Host that was sent, and lose the body."""
    method = "POST" if "denoise" in path else "GET"
    answer = httpx.request(
        method,
        server + path,
        content=png() if method == "POST" else None,
        headers={"Content-Type": "image/png", "Host": "evil.example"},
    )
    assert answer.status_code == 200
    assert "location" not in answer.headers


def test_a_wrong_parameter_names_the_likely_one(server: str) -> None:
    """With what was sent, and the bounds of one that exists."""
    answer = httpx.post(
        f"{server}/denoise?strenght=1&bit_depth=99", content=png(), headers={"Content-Type": "image/png"}
    )
    assert answer.status_code == 422
    by_name = {each["parameter"]: each for each in answer.json()["parameters"]}
    assert by_name["strenght"]["message"] == "no such parameter; did you mean 'strength'?"
    assert "strength" in by_name["strenght"]["supported"]
    assert (by_name["bit_depth"]["actual"], by_name["bit_depth"]["le"]) == ("99", 32)


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="needs IPv6")
def test_all_addresses_of_ipv6_serve_ipv4_too() -> None:
    """BIASFREE_HOST=:: listens on both."""
    from service.command import _listen

    with _listen("::", 0) as listening:
        port = listening.getsockname()[1]
        for host in ("127.0.0.1", "::1"):
            socket.create_connection((host, port), timeout=10).close()


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    return bool(int(status.split("SigCgt:")[1].split()[0], 16) >> (number - 1) & 1)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux")
def test_sigterm_ends_the_start_at_any_moment(stand_ins: Path) -> None:
    """Also as process 1, where the system's default for a signal is to ignore it: there is a handler from the first."""
    for begun in (False, True):
        process = subprocess.Popen(
            [sys.executable, "-m", "service"],
            env={
                **os.environ,
                "BIASFREE_PORT": "0",
                "BIASFREE_DEVICE": "cpu",
                "BIASFREE_MODELS_DIR": str(stand_ins),
                "BIASFREE_ANALYSIS_ENABLED": "false",
            },
            stderr=subprocess.PIPE,
        )
        assert process.stderr is not None
        while not catches(process.pid, signal.SIGTERM):
            assert process.poll() is None
        while begun and b"ready" not in (line := process.stderr.readline()):
            assert line
        process.terminate()
        process.stderr.read()
        assert process.wait(timeout=60) in (0, -signal.SIGTERM)


@pytest.mark.anyio
async def test_docs_work_without_internet_and_under_a_proxys_path(stand_ins: Path) -> None:
    """Its files are the service's own, and every address is relative or has the path."""
    settings = Settings(device="cpu", root_path="/denoiser", analysis_enabled=False, models_dir=stand_ins)
    async with client_of(start(settings)) as client:
        page = (await client.get("/docs")).text
        assert "https://" not in page.replace("https://www.w3.org", "")
        for name in ("docs/swagger-ui-bundle.js", "docs/swagger-ui.css"):
            assert f'"{name}"' in page
            assert len((await client.get(f"/{name}")).content) > 100_000
        assert (await client.get("/openapi.json")).json()["servers"] == [{"url": "/denoiser"}]
        answer = await client.post("/denoise", content=png(), headers={"Content-Type": "image/png"})
        assert answer.status_code == 200


def test_an_idle_connection_outlives_a_load_balancers_minute() -> None:
    """Otherwise the balancer sends a request into a connection that is being closed: 502."""
    assert Settings().keep_alive_s > 60
