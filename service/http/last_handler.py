"""An answer whatever happens."""

import logging

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.http.problems import INTERNAL, problem, reason
from service.http.request_record import record_of

log = logging.getLogger(__name__)


class LastHandler:
    """Answers what nobody foresaw. Here, and not as FastAPI's, which closes the connection and loses the id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            request = Request(scope)
            request_id = request.state.request_id
            log.exception("request %s failed", request_id, extra={"request_id": request_id})
            record_of(request).outcome = reason(INTERNAL)
            if not started:
                detail = "an unexpected error; the request_id finds it in the log"
                await problem(request, INTERNAL, detail, {})(scope, receive, watched)
