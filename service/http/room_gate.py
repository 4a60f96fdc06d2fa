"""Overload is refused before anything is read, parsed or routed: what is refused must cost next to nothing."""

from collections.abc import Callable, Collection
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import ServiceError
from service.http.problems import service_error


class Gate:
    """Lets requests for some paths in only while there is room.

    Under ten times the load that the device can serve, nine requests of ten end here; on the way through the router and
    its validation each of them took twice as long.

    Args:
        app: What comes next.
        paths: Of the requests that need room.
        require_room: Of the model that the query names, or None; raises the error to answer with where there is none.
    """

    def __init__(self, app: ASGIApp, *, paths: Collection[str], require_room: Callable[[str | None], None]) -> None:
        self._app, self._paths, self._require_room = app, paths, require_room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI call."""
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in self._paths:
            try:
                self._require_room(_model(scope["query_string"]))
            except ServiceError as exc:
                await (await service_error(Request(scope), exc))(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _model(query: bytes) -> str | None:
    """The query's model; most have none, and are not parsed."""
    return parse_qs(query.decode("latin-1")).get("model", [None])[-1] if b"model=" in query else None
