"""The gate in front of everything."""

import asyncio

import pytest

from service.errors import QueueFull
from service.http.room_gate import Gate


class Inner:
    """What comes next; it notes that it was reached."""

    def __init__(self) -> None:
        self.reached = False

    async def __call__(self, scope, receive, send) -> None:
        """Nothing else."""
        self.reached = True


def full(model: str | None) -> None:
    """There is no room, but for one model."""
    if model == "idle":
        return
    raise QueueFull("61.0 s of work are queued", limit=60, actual=61.0, retry_after_s=1.0)


async def unread():
    """A body that nobody may ask for."""
    raise AssertionError("the body was read")


def passed(*, method: str, path: str, require_room, query: bytes = b"") -> tuple[bool, list[dict]]:
    """Whether a request got through, and what was answered."""
    inner, answer = Inner(), []

    async def send(message) -> None:
        answer.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query,
        "headers": [],
        "state": {"request_id": "abc"},
    }
    asyncio.run(Gate(inner, paths=("/denoise",), require_room=require_room)(scope, unread, send))
    return inner.reached, answer


def test_without_room_a_request_is_refused_before_its_body_is_read() -> None:
    """429 with the seconds to wait, as a problem document with the request's id."""
    reached, (start, body) = passed(method="POST", path="/denoise", require_room=full)
    assert not reached
    assert start["status"] == 429
    assert dict(start["headers"])[b"retry-after"] == b"1"
    assert b'"request_id":"abc"' in body["body"]


@pytest.mark.parametrize(("method", "path"), [("GET", "/denoise"), ("POST", "/analyze"), ("GET", "/healthz")])
def test_what_needs_no_room_passes_a_full_queue(method: str, path: str) -> None:
    """Other paths and methods are none of its business."""
    assert passed(method=method, path=path, require_room=full) == (True, [])


def test_with_room_the_request_goes_on() -> None:
    """Untouched."""
    assert passed(method="POST", path="/denoise", require_room=lambda model: None) == (True, [])


@pytest.mark.parametrize(
    ("query", "through"),
    [(b"model=idle", True), (b"strength=1&model=idle", True), (b"model=gray", False), (b"mymodel=idle", False)],
)
def test_room_is_that_of_the_model_in_the_query(query: bytes, through: bool) -> None:
    """What does not run on the device does not wait for it."""
    reached, _ = passed(method="POST", path="/denoise", require_room=full, query=query)
    assert reached == through
