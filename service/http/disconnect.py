"""The cancellation of requests whose client has disconnected."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request
from starlette.requests import ClientDisconnect


@asynccontextmanager
async def ends_with_client(request: Request) -> AsyncIterator[None]:
    """Cancel the enclosed work if the client disconnects, the only message that can follow a complete body."""
    caller = asyncio.current_task()
    assert caller is not None
    left = False

    async def watch() -> None:
        nonlocal left
        while (await request.receive())["type"] != "http.disconnect":
            pass
        left = True
        caller.cancel()

    watcher = asyncio.create_task(watch())
    try:
        yield
    except asyncio.CancelledError:
        if not left:
            raise
        caller.uncancel()
        raise ClientDisconnect from None
    finally:
        watcher.cancel()
