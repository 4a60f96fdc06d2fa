"""A parameter that is sent twice is refused, because one of its values would be ignored."""

from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Query
from pydantic import BaseModel

from service.http.once import PARAMETERS_ONCE
from service.http.problems import install


class Options(BaseModel):
    """Parameters of a route, one of which is a list."""

    model: str | None = None
    strength: float = 1
    pixel: list[str] = []


def app() -> FastAPI:
    """An application with one route."""
    router = APIRouter(dependencies=[PARAMETERS_ONCE])

    @router.get("/")
    async def route(options: Annotated[Options, Query()]) -> Options:
        return options

    application = FastAPI()
    application.include_router(router)
    install(application)
    return application


async def ask(query: str) -> httpx.Response:
    """Send a query."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app()), base_url="http://test") as client:
        return await client.get(f"/?{query}")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("model=gray&model=color", ["model"]),
        ("model=gray&model=gray", ["model"]),
        ("model=&model=gray", ["model"]),
        ("strength=0.5&model=a&strength=1&model=b", ["model", "strength"]),
    ],
)
async def test_a_repeated_parameter_is_refused_by_its_name(query, names):
    """As any other invalid parameter is."""
    answer = await ask(query)
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["type"] == "urn:biasfree:problem:invalid-parameter"
    assert [each["parameter"] for each in problem["parameters"]] == names
    assert problem["detail"].startswith("model: given 2 times; send it once")
    assert problem["parameters"][0]["actual"] == ", ".join(
        value for name, _, value in (part.partition("=") for part in query.split("&")) if name == "model"
    )


@pytest.mark.anyio
async def test_a_list_may_be_repeated():
    """Its parameter is meant to be."""
    answer = await ask("pixel=1,2&pixel=3,4&model=gray")
    assert answer.status_code == 200
    assert answer.json()["pixel"] == ["1,2", "3,4"]
