"""The answer of Serve's HTTP proxies when a replica dies: a problem document with 503, so that clients retry.

``RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH`` names this module. Without it, a request at the dead replica would get a
bare 500, like a permanent error.
"""

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import NotReady
from service.http.problems import KINDS, problem


def middlewares() -> list[Middleware]:
    """Return the middlewares that Serve adds to each proxy."""
    return [Middleware(LostReplica)]


class LostReplica:
    """A middleware that answers requests the proxy leaves unanswered, and removes Serve's second ``X-Request-Id``."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answered = False

        async def send_on(message: Message) -> None:
            nonlocal answered
            answered = True
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                # Sets one header, and deletes the others.
                headers["X-Request-Id"] = headers.get("X-Request-Id", "")
            await send(message)

        await self._app(scope, receive, send_on)
        if not answered:
            # Serve's RequestIdMiddleware has stored the id in place of the client's.
            scope.setdefault("state", {})["request_id"] = request_id = Headers(scope=scope).get("X-Request-Id", "")
            detail = "the replica handling the request has died: retry"
            headers = {"X-Request-Id": request_id}
            answer = problem(Request(scope), KINDS[NotReady], detail, {"reason": "replica"}, headers)
            await answer(scope, receive, send)
