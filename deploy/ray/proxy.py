"""What Serve's HTTP proxies answer where a replica died: a problem document with 503, which clients try again.

Named by ``RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH``. Without it a request that was at the replica gets a bare 500, as
from a fault that another try would meet again.
"""

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import NotReady
from service.http.problems import KINDS, problem


def middlewares() -> list[Middleware]:
    """What Serve puts around each proxy."""
    return [Middleware(LostReplica)]


class LostReplica:
    """Answers what the proxy leaves without an answer, and returns one ``X-Request-Id`` instead of Serve's second."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answered = False

        async def send_on(message: Message) -> None:
            nonlocal answered
            answered = True
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                # Sets one, and deletes the others.
                headers["X-Request-Id"] = headers.get("X-Request-Id", "")
            await send(message)

        await self._app(scope, receive, send_on)
        if not answered:
            # RequestIdMiddleware of Serve's has put the id where the client's would be.
            scope.setdefault("state", {})["request_id"] = request_id = Headers(scope=scope).get("X-Request-Id", "")
            detail = "the replica that had the request has died"
            headers = {"X-Request-Id": request_id}
            answer = problem(Request(scope), KINDS[NotReady], detail, {"reason": "replica"}, headers)
            await answer(scope, receive, send)
