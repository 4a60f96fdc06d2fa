"""Hostile input against a real process: refused, cheaply, and without a word about the machine."""

import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bench.server import service
from deploy.loadtest.bombs import MOST_BYTES, bombs, cost, npy
from deploy.loadtest.mutations import attack, mutants

LIMIT = 1_000_000
SETTINGS = {"BIASFREE_MAX_BODY_BYTES": str(LIMIT), "BIASFREE_ANALYSIS_ENABLED": "false"}
SLACK_BYTES = 64 * 1024


@pytest.fixture(scope="module")
def server():
    """A process that has denoised one image, so that its lazy parts are loaded."""
    with service(SETTINGS) as running:
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
    """No 5xx, no broken connection, no path in an answer; ``deploy.loadtest.mutations`` does it 10,000 times."""
    answers = attack(server, mutants(252, seed=1))

    assert [answer for answer in answers if answer.failed] == []
    assert server.process.poll() is None


def test_a_chunked_body_over_the_limit_is_refused_soon(server):
    """Without a Content-Length the service stops reading at its limit, and a client that waits hears of it there."""
    parts = urlsplit(server.url)
    piece = b"%x\r\n" % SLACK_BYTES + bytes(SLACK_BYTES) + b"\r\n"
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as connection:
        connection.sendall(b"POST /denoise HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(LIMIT // SLACK_BYTES + 1):
            connection.sendall(piece)
        # No more is sent, and the body has not ended: an answer now is one after at most limit + 64 KiB.
        answer = connection.recv(65_536)

    assert answer.startswith(b"HTTP/1.1 413 ")
