"""What every request passes: an id, one line in the log, and an answer whatever happens."""

import logging
import time
import uuid

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.routes.problems import INTERNAL, problem

log = logging.getLogger(__name__)

#: A request id that a client sends is kept if it is this short and plain; anything else would go into the log.
REQUEST_ID_LENGTH = 128
#: Probes come every few seconds and say nothing.
UNLOGGED = ("/healthz", "/readyz")


class RequestLog:
    """Gives every request an id, the client's own where it sent one, returns it as ``X-Request-Id`` and logs it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception:
            # The last handler. Here, and not as FastAPI's, which closes the connection and loses the id.
            log.exception("request %s failed", request_id)
            if status == 0:
                detail = "an unexpected error; the request_id finds it in the log"
                await problem(Request(scope), INTERNAL, detail, {})(scope, receive, send_with_id)
        if status >= 400 or scope["path"] not in UNLOGGED:
            milliseconds = 1000 * (time.perf_counter() - start)
            log.info("%s %s %s %d %.1f ms", request_id, scope["method"], scope["path"], status, milliseconds)


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        sent: str = value.decode("latin-1")
        if name == b"x-request-id" and 0 < len(sent) <= REQUEST_ID_LENGTH and sent.isascii() and sent.isprintable():
            return sent
    return uuid.uuid4().hex
