"""The id, log line and metrics of every request."""

import logging
import time
import uuid

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.http.in_progress import is_poll
from service.http.key_gate import PROBES
from service.http.request_record import CLIENT_LEFT, LEFT_STATUS, OK, OTHER, RequestRecord
from service.http.templates import Templates
from service.telemetry.metrics import Metrics
from service.telemetry.tracing import current_ids

log = logging.getLogger(__name__)

#: Maximum length of a client's request id; it must also be printable ASCII, since it is written to the log.
REQUEST_ID_LENGTH = 128
#: HTTP methods of RFC 9110 and 5789. Clients may invent others, each of which would add a label.
METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
#: Paths requested every few seconds; see ``is_unremarked``.
UNREMARKED = (*PROBES, "/metrics")
#: Status of a request that ended without an answer, for which uvicorn sends its own.
CUT_SHORT = 500
#: How uvloop refuses to write to a connection that was closed before uvicorn has been told.
CLOSED = "the handler is closed"


def is_unremarked(scope: Scope) -> bool:
    """Tell whether requests of this kind arrive every few seconds: logged only on failure, and never traced."""
    return scope["type"] == "http" and (scope["path"] in UNREMARKED or is_poll(scope))


class RequestLog:
    """A middleware that gives every request an id, logs it and counts it.

    The id is the client's own if it sent one, and is returned as ``X-Request-Id``. This middleware is the outermost
    one, so it counts what clients see. It logs the route's template instead of the path, which may contain anything. It
    only counts requests that are unremarked while they succeed.

    Args:
        app: The next ASGI application.
        metrics: Metrics to update.
        templates: Templates of the routes.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics, templates: Templates) -> None:
        self._app, self._metrics, self._templates = app, metrics, templates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        record, request_id = RequestRecord(), _request_id(scope)
        scope.setdefault("state", {}).update(request_id=request_id, record=record)
        status = CUT_SHORT

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            try:
                await send(message)
            except RuntimeError as exc:
                if CLOSED not in str(exc):
                    raise
                status, record.outcome = LEFT_STATUS, CLIENT_LEFT

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            if status >= 400 and record.outcome == OK:
                record.outcome = OTHER
            self._ended(scope, request_id, status, time.perf_counter() - start, record)

    def _ended(self, scope: Scope, request_id: str, status: int, seconds: float, record: RequestRecord) -> None:
        method = scope["method"] if scope["method"] in METHODS else OTHER
        route = self._templates.of(scope["path"])
        self._metrics.request(method, route, status, seconds)
        if status >= 400 and record.outcome != CLIENT_LEFT:
            self._metrics.rejected(record.outcome)
        elif status < 400:
            self._metrics.stages(record.timing_ms)
        if status >= 400 or not is_unremarked(scope):
            _log(request_id, method, route, status, seconds, record)


def _log(request_id: str, method: str, route: str, status: int, seconds: float, record: RequestRecord) -> None:
    """Log a request: as text for people, with structured fields for machines."""
    fields = record.fields()
    words = " ".join(f"{name}={value}" for name, value in fields.items())
    extra = {
        "request_id": request_id,
        "method": method,
        "route": route,
        "status": status,
        "duration_ms": round(1000 * seconds, 3),
        **fields,
        **current_ids(),
    }
    log.info("%s %s %s %d %.1f ms %s", request_id, method, route, status, 1000 * seconds, words, extra=extra)


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        sent: str = value.decode("latin-1")
        if name == b"x-request-id" and 0 < len(sent) <= REQUEST_ID_LENGTH and sent.isascii() and sent.isprintable():
            return sent
    return uuid.uuid4().hex
