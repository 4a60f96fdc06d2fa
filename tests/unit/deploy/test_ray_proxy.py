"""What Ray Serve's proxies answer where a replica died; needs no Ray."""

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from deploy.ray.proxy import LostReplica, middlewares
from deploy.ray.share import within
from service.settings import Settings


async def answers(scope: Scope, receive: Receive, send: Send) -> None:
    """A replica's answer, with the id that Serve adds to the one that is there."""
    answer = PlainTextResponse("here", headers={"X-Request-Id": "mine"})
    answer.raw_headers.append((b"x-request-id", b"mine"))
    await answer(scope, receive, send)


async def dies(scope: Scope, receive: Receive, send: Send) -> None:
    """A proxy whose replica died: Serve puts an id to the request, and then returns without an answer."""
    scope["headers"] = [*scope["headers"], (b"x-request-id", b"given")]


@pytest.fixture
def anyio_backend() -> str:
    """Serve runs on asyncio."""
    return "asyncio"


async def get(app: ASGIApp) -> httpx.Response:
    """One request through the middleware."""
    transport = httpx.ASGITransport(LostReplica(app))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get("/")


@pytest.mark.anyio
async def test_a_request_whose_replica_died_is_a_problem_that_clients_try_again() -> None:
    """503 with the request's id, where Serve would leave it to uvicorn to answer 500."""
    answer = await get(dies)
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "given"
    assert answer.json()["reason"] == "replica"


@pytest.mark.anyio
async def test_an_answer_passes_with_one_request_id() -> None:
    """Serve adds a second."""
    answer = await get(answers)
    assert answer.text == "here"
    assert answer.headers.get_list("x-request-id") == ["mine"]


def test_serve_gets_the_middleware() -> None:
    """In the form that it asks for."""
    assert Starlette(middleware=middlewares()).user_middleware[0].cls is LostReplica


def test_a_replica_keeps_to_its_share_of_the_cores() -> None:
    """Unless the operator says otherwise; half a CPU is still a thread."""
    assert within(Settings(), cpus=3.0).threads == within(Settings(), cpus=3.0).analysis_threads == 3
    assert within(Settings(), cpus=0.5).threads == 1
    assert within(Settings(threads=7), cpus=3.0).threads == 7
