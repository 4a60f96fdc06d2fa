"""How often the pixels of one request are copied."""

import asyncio
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from service.app import create_app, start
from service.settings import Settings
from tests.integration.images import from_npy, npy

SIDE = 1024
PIECE = 2**16


class Halving:
    """A device whose results are the only memory that it takes."""

    device, tolerance, workers = "cpu", float("inf"), 1

    def run(self, model: str, batch: np.ndarray, *, wide: bool = True) -> np.ndarray:
        """``batch / 2``."""
        return batch * np.float32(0.5)

    def release(self) -> None:
        """There is nothing."""


def cut(body: bytes) -> list[bytes]:
    """A body as it comes in from the network."""
    return [body[start : start + PIECE] for start in range(0, len(body), PIECE)]


async def post(app, pieces: list[bytes], query: bytes) -> list[bytes]:
    """One request as a server makes it, without a client's memory beside it."""
    answer: list[bytes] = []

    async def receive():
        if not pieces:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def send(message):
        answer.append(message.get("body", b""))

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": "/denoise", "raw_path": b"/denoise", "query_string": query, "root_path": "",
        "headers": [(b"content-type", b"application/x-npy")], "client": ("test", 1), "server": ("test", 1),
    }  # fmt: skip
    await app(scope, receive, send)
    return answer


@pytest.mark.parametrize(("query", "results"), [(b"model=gray", 1), (b"", 2)], ids=["one model", "two tried"])
def test_an_array_is_copied_twice_on_its_way(query: bytes, results: int, stand_ins: Path) -> None:
    """The body is put together and so is the answer: that and the device's own results are all the memory it takes."""
    image = np.random.default_rng(0).random((SIDE, SIDE), np.float32)
    first, second = cut(npy(image)), cut(npy(image))

    async def scenario() -> tuple[list[bytes], int]:
        app = create_app(start(Settings(device="cpu", analysis_enabled=False, models_dir=stand_ins), engine=Halving()))
        async with app.router.lifespan_context(app):
            await post(app, first, query)  # what is made once is not counted
            tracemalloc.start()
            try:
                return await post(app, second, query), tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

    answer, peak = asyncio.run(scenario())
    np.testing.assert_array_equal(from_npy(b"".join(answer)), image / 2)
    copies, rest = 2, 0.3  # isfinite has a byte a pixel
    assert peak < (results + copies + rest) * image.nbytes
