"""What every request passes: an id, one line in the log, and its place in the metrics."""

import logging
import time
import uuid

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.http.key_gate import PROBES
from service.http.request_record import CLIENT_LEFT, OK, OTHER, RequestRecord
from service.http.templates import Templates
from service.telemetry.metrics import Metrics
from service.telemetry.tracing import current_ids

log = logging.getLogger(__name__)

#: A request id that a client sends is kept if it is this short and plain; anything else would go into the log.
REQUEST_ID_LENGTH = 128
#: What HTTP calls a method by RFC 9110 and 5789; a client may make up others, and each would be a label of its own.
METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
#: Asked for every few seconds: not logged while they succeed, and never traced.
UNREMARKED = (*PROBES, "/metrics")
#: What a client sees whose request ended without an answer: uvicorn gives one of its own.
CUT_SHORT = 500


class RequestLog:
    """Gives every request an id, the client's own where it sent one, returns it as ``X-Request-Id``, logs and counts.

    It stands around everything that answers, so that what it counts is what clients see. The path is logged as its
    route's template: what else a client may put there is nobody's business. What ``UNREMARKED`` names is counted only,
    while it succeeds.

    Args:
        app: What comes next.
        metrics: Where requests are counted.
        templates: Of the routes.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics, templates: Templates) -> None:
        self._app, self._metrics, self._templates = app, metrics, templates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI call."""
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
            await send(message)

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
        if status >= 400 or scope["path"] not in UNREMARKED:
            _log(request_id, method, route, status, seconds, record)


def _log(request_id: str, method: str, route: str, status: int, seconds: float, record: RequestRecord) -> None:
    """For people the line itself, for machines its fields."""
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
