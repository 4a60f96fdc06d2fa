"""A fake service in one function, which follows the documented contract and records the requests; a full disk."""

import io
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import pytest

SHA256 = "ab" * 32
NOISE = 'white; level=24.6; neighbor_correlation=-0.010; clipped=0.000; description="white noise, level 24.6"'


@dataclass
class FakeService:
    """A service that answers every request with ``answer``, or by default with the image it was sent."""

    answer: Callable[[httpx.Request], httpx.Response] | None = None
    requests: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        self.requests.append(request)
        return self.answer(request) if self.answer else self.echo(request)

    def refuse(self, status: int, type_: str, **facts: object) -> None:
        """Answer with a problem document from now on."""
        document = {"type": type_, "title": "A title", "status": status, "detail": "A detail.", **facts}
        headers = {"Content-Type": "application/problem+json", "X-Request-Id": "r-1", "Retry-After": "3"}
        self.answer = lambda _: httpx.Response(status, json=document, headers=headers)

    @staticmethod
    def echo(request: httpx.Request) -> httpx.Response:
        """Return the image as it came, arrays in this machine's byte order, with every documented header."""
        content = request.content
        if request.headers["Content-Type"] == "application/x-npy":
            content = native(content)
        headers = {
            "Content-Type": request.headers["Content-Type"],
            "X-Request-Id": "r-1",
            "X-Model": f"gray; version=1; sha256={SHA256}",
            "Server-Timing": "decode;dur=1.5, queue;dur=0, infer;dur=20.25, encode;dur=2",
        }
        if request.url.params.get("estimate") == "true":
            headers |= {"X-Sigma-Estimate": "24.6", "X-Estimated-PSNR": "30.12", "X-Noise": NOISE}
        return httpx.Response(200, content=content, headers=headers)

    @property
    def transport(self) -> httpx.MockTransport:
        """Return a transport that connects a client to this service."""
        return httpx.MockTransport(self)


class FullDisk:
    """A disk of results on which nothing can be written until it is freed."""

    def __init__(self, monkeypatch, code):
        self.code, self.full = code, True
        write, touch = Path.write_bytes, Path.touch
        monkeypatch.setattr(Path, "write_bytes", lambda path, content: self.check(path) or write(path, content))
        monkeypatch.setattr(Path, "touch", lambda path: self.check(path) or touch(path))

    def check(self, path):
        """Refuse to write a result."""
        if self.full and path.suffix == ".partial":
            raise OSError(self.code, os.strerror(self.code), str(path))

    def free(self):
        """Make room."""
        self.full = False


def native(content: bytes) -> bytes:
    """Convert an NPY file to the byte order of this machine."""
    array = np.load(io.BytesIO(content))
    buffer = io.BytesIO()
    np.save(buffer, array.astype(array.dtype.newbyteorder("=")))
    return buffer.getvalue()


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> FakeService:
    """Return a fake service, and clear the environment variables that name another."""
    monkeypatch.delenv("BIASFREE_URL", raising=False)
    monkeypatch.delenv("BIASFREE_API_KEY", raising=False)
    return FakeService()
