"""The handler of unexpected exceptions."""

import logging

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.http.problems import INTERNAL, problem, reason
from service.http.request_record import record_of

log = logging.getLogger(__name__)


class LastHandler:
    """A middleware that answers unexpected exceptions. FastAPI's handler would close the connection and lose the id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI call."""
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
                detail = "unexpected error; search the log for the request_id"
                await problem(request, INTERNAL, detail, {})(scope, receive, watched)
