"""Connections belong to a process and an event loop."""

import asyncio
import json
import os
import pickle
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from biasfree_client import AsyncDenoiser, Denoiser, InvalidSetting


class Echo(BaseHTTPRequestHandler):
    """Answers with a list of one model."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        """Answer."""
        body = json.dumps([{"name": "gray", "version": "1", "kind": "network"}]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def url():
    """A small server on loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_children_use_connections_of_their_own(url):
    """Released together after the parent had used one, each gets its own answers, on another socket."""
    denoiser = Denoiser(url)
    denoiser.models()
    used = denoiser._connections.here
    gate_read, gate_write = os.pipe()
    children = []
    for _ in range(6):
        child = os.fork()
        if child == 0:
            try:
                os.close(gate_write)
                os.read(gate_read, 1)
                good = denoiser._connections.here is not used
                good = good and all(denoiser.models()[0].name == "gray" for _ in range(5))
                os._exit(0 if good else 1)
            except BaseException:
                os._exit(2)
        children.append(child)
    os.close(gate_write)  # releases all of them
    os.close(gate_read)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 6
    assert denoiser._connections.here is used


def test_a_client_can_be_pickled(url):
    """As a process pool does."""
    again = pickle.loads(pickle.dumps(Denoiser(url, api_key="k" * 20)))
    assert again.models()[0].name == "gray"


def test_an_asynchronous_client_works_in_a_second_event_loop(url):
    """Its connections belong to the loop that opened them."""
    denoiser = AsyncDenoiser(url)

    async def name() -> str:
        return (await denoiser.models())[0].name

    assert [asyncio.run(name()), asyncio.run(name())] == ["gray", "gray"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [("ALL_PROXY", "socks://127.0.0.1:1"), ("HTTPS_PROXY", "nonsense://x"), ("SSL_CERT_FILE", "/no/such")],
)
def test_wrong_variables_are_one_sentence(monkeypatch, variable, value):
    """And an error of ours."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(InvalidSetting, match=r"Cannot set up connections: .*ALL_PROXY"):
        Denoiser("https://127.0.0.1:1").models()
