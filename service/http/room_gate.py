"""Reject requests under overload before reading or routing them, so that a rejection costs next to nothing."""

from collections.abc import Callable, Collection
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import ServiceError
from service.http.problems import service_error


class Gate:
    """A middleware that accepts requests for some paths only while there is room.

    Under ten times the load that the device can serve, it refuses nine of ten requests. If they went through the router
    and its validation, each refusal would take twice as long.

    Args:
        app: The next ASGI application.
        paths: Paths of the requests that need room.
        require_room: Function of the model in the query, or None. It raises the error to answer if there is no room.
    """

    def __init__(self, app: ASGIApp, *, paths: Collection[str], require_room: Callable[[str | None], None]) -> None:
        self._app, self._paths, self._require_room = app, paths, require_room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI call."""
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in self._paths:
            try:
                self._require_room(_model(scope["query_string"]))
            except ServiceError as exc:
                await (await service_error(Request(scope), exc))(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _model(query: bytes) -> str | None:
    """Return the model in a query; most queries have none and are not parsed."""
    return parse_qs(query.decode("latin-1")).get("model", [None])[-1] if b"model=" in query else None
