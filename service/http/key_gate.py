"""Reject requests without a valid key before reading or routing them."""

from collections.abc import Iterator

from fastapi import Security
from fastapi.params import Depends
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.access.access import Access
from service.access.rate import WINDOW_S, Allowance
from service.errors import RateLimited, ServiceError, Unauthorized
from service.http.in_progress import is_poll
from service.http.problems import service_error

#: Paths a supervisor may request without a key.
PROBES = ("/healthz", "/readyz")
#: A supervisor reads it every few seconds, so it does not count towards the limit.
METRICS = "/metrics"
#: For the OpenAPI document only; ``KeyGate`` checks the key.
SCHEMES: list[Depends] = [
    Security(HTTPBearer(auto_error=False, scheme_name="bearer", description="One of the operator's keys.")),
    Security(APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="header", description="The same key.")),
]


class KeyGate:
    """A middleware that requires a key and enforces its limit on requests per minute.

    Polls of a request's progress and readings of the metrics do not count.

    Clients send the key as ``Authorization: Bearer KEY`` or ``X-API-Key: KEY``. The gate comes before the router, so it
    guards every path, known or not, except the probes. It stores the name of the key's holder in ``state.key_holder``.

    Args:
        app: The next ASGI application.
        access: The keys and their limits; None to accept every request.
    """

    def __init__(self, app: ASGIApp, *, access: Access | None) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI call."""
        if self._access is None or scope["type"] == "lifespan" or _is_probe(scope):
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no other routes; refuse them if one is added
            await send({"type": "websocket.close", "code": 1008})
            return
        try:
            holder = _holder(self._access, Headers(scope=scope))
            scope.setdefault("state", {})["key_holder"] = holder
            if self._access.rate is not None and not is_poll(scope) and scope["path"] != METRICS:
                send = _with_allowance(send, self._access.rate.take(holder))
        except Unauthorized as exc:
            await _refuse(exc, scope, receive, send, {"WWW-Authenticate": _challenge(scope)})
        except RateLimited as exc:
            assert self._access.rate is not None
            allowance = self._access.rate.allowance(holder)
            await _refuse(exc, scope, receive, send, _fields(allowance))
        else:
            await self._app(scope, receive, send)


def _is_probe(scope: Scope) -> bool:
    return scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and scope["path"] in PROBES


def _holder(access: Access, headers: Headers) -> str:
    sent = list(_sent_keys(headers))
    if not sent:
        raise Unauthorized("this service requires an API key: send Authorization: Bearer KEY or X-API-Key: KEY")
    for key in sent:
        holder = access.keys.holder(key)
        if holder is not None:
            return holder
    raise Unauthorized("the API key is not valid here: check it, or ask the operator for one")


def _sent_keys(headers: Headers) -> Iterator[str]:
    """Yield the keys in both headers; a proxy may need ``Authorization`` for itself."""
    scheme, _, credentials = headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer" and credentials.strip():
        yield credentials.strip()
    if "x-api-key" in headers:
        yield headers["x-api-key"].strip()


def _challenge(scope: Scope) -> str:
    """Return ``WWW-Authenticate``, with an error code only if a key was sent (RFC 6750)."""
    sent = any(_sent_keys(Headers(scope=scope)))
    return 'Bearer realm="biasfree"' + (', error="invalid_token"' if sent else "")


async def _refuse(error: ServiceError, scope: Scope, receive: Receive, send: Send, headers: dict[str, str]) -> None:
    response = await service_error(Request(scope), error)
    response.headers.update(headers)
    await response(scope, receive, send)


def _with_allowance(send: Send, allowance: Allowance) -> Send:
    async def send_with_fields(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(_fields(allowance))
        await send(message)

    return send_with_fields


def _fields(allowance: Allowance) -> dict[str, str]:
    """Return the header fields of draft-ietf-httpapi-ratelimit-headers as structured fields (RFC 9651)."""
    return {
        "RateLimit-Policy": f'"default";q={allowance.quota};w={WINDOW_S}',
        "RateLimit": f'"default";r={allowance.remaining};t={allowance.reset_s}',
    }
