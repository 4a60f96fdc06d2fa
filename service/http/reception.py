"""What the routes for images have in common."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from fastapi import Request

from service.errors import BodyTimeout
from service.http.body import JsonImage, Upload, read_uploads
from service.state import running

T = TypeVar("T")


async def received(request: Request, body: type[JsonImage]) -> dict[str, Upload]:
    """The images of a request, in time.

    Raises:
        BodyTimeout: The body did not arrive within ``timeout_s``.
        ServiceError: As ``read_uploads``.
    """
    limit = running(request).settings.timeout_s
    try:
        async with asyncio.timeout(limit):
            return await read_uploads(request, body)
    except TimeoutError as exc:
        raise BodyTimeout(f"the body did not arrive within {limit:g} s", limit=limit) from exc


def model_header(facts: Mapping[str, str]) -> str:
    """The value of ``X-Model``: the name of a model, and what else is known to tell it from others."""
    return "; ".join([facts["name"], *(f"{key}={value}" for key, value in facts.items() if key != "name")])


async def in_thread(pool: ThreadPoolExecutor, call: Callable[[], T]) -> T:
    """Run a call off the event loop."""
    return await asyncio.get_running_loop().run_in_executor(pool, call)
