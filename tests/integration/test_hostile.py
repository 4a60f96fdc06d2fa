"""Hostile input against a real process: refused, cheaply, and without a word about the machine."""

import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bench.failures.bombs import MOST_BYTES, bombs, cost, npy
from bench.failures.chunked import LIMIT, SETTINGS, SLACK_BYTES, byte_by_byte, flood
from bench.failures.mutations import attack, mutants
from bench.server import service
from service.http.connection import MOST_HEADER_BYTES


@pytest.fixture(scope="module")
def server(stand_ins):
    """A process that has denoised one image, so that its lazy parts are loaded."""
    with service(SETTINGS | {"BIASFREE_MODELS_DIR": str(stand_ins)}) as running:
        assert cost(running, "first", npy("(16, 16)") + bytes(256)).status == 200
        yield running


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the resident memory from /proc")
def test_bombs_are_refused_without_memory(server):
    """Each is the client's error, and leaves the process as large as it was, give or take 64 MB."""
    costs = [cost(server, name, data) for name, data in bombs().items()]

    assert len(costs) >= 20
    assert [each for each in costs if not 400 <= each.status < 500] == []
    assert [each for each in costs if each.grown_bytes >= MOST_BYTES] == []
    assert [each for each in costs if each.leak] == []


def test_mutated_files_never_break_the_server(server):
    """No 5xx, no broken connection, no path in an answer; ``bench.failures.mutations`` does it 10,000 times."""
    answers = attack(server, mutants(252, seed=1))

    assert [answer for answer in answers if answer.failed] == []
    assert server.process.poll() is None


def test_a_chunked_body_over_the_limit_is_refused_at_once(server):
    """Without a Content-Length the service reads its limit, and the byte after it is answered with 413."""
    early, refusal = byte_by_byte(server)

    assert not early
    assert refusal.status == 413
    assert 0 < refusal.read - LIMIT <= SLACK_BYTES


def test_a_client_that_goes_on_sending_hears_of_it(server):
    """It has its answer while it sends, long before it is done."""
    assert flood(server).status == 413


def test_endless_headers_are_refused(server):
    """By the server that runs; what else bounds a connection is in ``tests/unit/service/http/test_connection.py``."""
    parts = urlsplit(server.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nX-More: " + b"a" * (MOST_HEADER_BYTES + 1))
        assert connection.recv(65_536).startswith(b"HTTP/1.1 431 ")
