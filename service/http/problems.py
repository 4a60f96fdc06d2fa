"""Errors as RFC 9457 problem documents: each core error mapped once."""

import logging
import math
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from biasfree.options import suggestion, what_is_wrong
from service import errors
from service.errors import ServiceError
from service.http.request_record import CLIENT_LEFT, LEFT_STATUS, OTHER, record_of
from service.queue.ledger import TileTooLarge

log = logging.getLogger(__name__)

PROBLEM_JSON = "application/problem+json"


class Kind(BaseModel):
    """One type of problem."""

    model_config = ConfigDict(frozen=True)

    type: str
    title: str
    status: int


def _kind(name: str, title: str, status: int) -> Kind:
    return Kind(type=f"urn:biasfree:problem:{name}", title=title, status=status)


KINDS: dict[type[ServiceError], Kind] = {
    errors.MalformedRequest: _kind("malformed-request", "The request body cannot be read", 400),
    errors.UndecodableImage: _kind("undecodable-image", "The image cannot be decoded", 400),
    errors.Unauthorized: _kind("unauthorized", "An API key is needed", 401),
    errors.UnknownModel: _kind("unknown-model", "No such model", 404),
    errors.UnknownRequest: _kind("unknown-request", "No such request is in progress", 404),
    errors.UnsupportedOutput: _kind("unsupported-output", "The result cannot be given in that format", 406),
    errors.BodyTimeout: _kind("body-timeout", "The request body did not arrive in time", 408),
    errors.BodyTooLarge: _kind("body-too-large", "The request body is too large", 413),
    errors.ImageTooLarge: _kind("image-too-large", "The image has too many pixels or frames", 413),
    errors.UnsupportedMedia: _kind("unsupported-media", "The image's format is not supported", 415),
    errors.InvalidParameter: _kind("invalid-parameter", "A parameter is invalid", 422),
    errors.InvalidPixels: _kind("invalid-pixels", "The image has pixels without a finite value", 422),
    errors.QueueFull: _kind("queue-full", "Too much work is queued", 429),
    errors.RateLimited: _kind("rate-limited", "Too many requests with this key", 429),
    errors.PixelsInFlight: _kind("pixels-in-flight", "Too many pixels under way with this key", 429),
    errors.InferenceFailed: _kind("inference-failed", "The image could not be denoised", 500),
    errors.AnalysisFailed: _kind("analysis-failed", "The analysis could not be finished", 500),
    TileTooLarge: _kind("out-of-memory", "The device has too little memory for this image", 500),
    errors.NotInstalled: _kind("not-installed", "An optional part of the service is not installed", 501),
    errors.NotReady: _kind("not-ready", "The service is not ready", 503),
    errors.DeadlineExceeded: _kind("deadline-exceeded", "The time for the request is over", 504),
}

INTERNAL = _kind("internal", "Something went wrong here", 500)
#: The router's own answers. Other statuses take the type ``about:blank``, as RFC 9457 says.
ROUTER = {
    404: _kind("not-found", "No such path", 404),
    405: _kind("method-not-allowed", "The path does not have that method", 405),
}


class Problem(BaseModel):
    """An RFC 9457 problem document."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:biasfree:problem:image-too-large"])
    title: str = Field(examples=["The image has too many pixels or frames"])
    status: int = Field(examples=[413])
    detail: str = Field(examples=["the image has 2500000000 pixels; at most 64000000 over all frames are accepted"])
    request_id: str


def install(app: FastAPI) -> None:
    """Answer every error with a problem document; ``LastHandler`` answers what is not foreseen."""
    app.add_exception_handler(ServiceError, service_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(ClientDisconnect, _client_left)


def problem(
    request: Request, kind: Kind, detail: str, facts: dict[str, Any], headers: dict[str, str] | None = None
) -> JSONResponse:
    """Return a problem document as a response; log and metrics call it by ``reason(kind)``."""
    record_of(request).outcome = reason(kind)
    request_id = getattr(request.state, "request_id", "")
    content = {**facts, **kind.model_dump(), "detail": detail, "request_id": request_id}
    return JSONResponse(content, kind.status, media_type=PROBLEM_JSON, headers=headers)


def reason(kind: Kind) -> str:
    """Return the last part of its type: one of ``REASONS``."""
    return OTHER if kind.type == "about:blank" else kind.type.rpartition(":")[2]


#: Every one there is.
REASONS = tuple(sorted({reason(kind) for kind in (*KINDS.values(), *ROUTER.values(), INTERNAL)} | {OTHER}))


async def service_error(request: Request, error: Exception) -> JSONResponse:
    """Return the problem document of a core error."""
    assert isinstance(error, ServiceError)
    headers = {}
    if "retry_after_s" in error.facts:
        headers["Retry-After"] = str(math.ceil(error.facts["retry_after_s"]))
    return problem(request, KINDS[type(error)], error.detail, error.facts, headers)


async def _validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    known = parameters(request)
    failures = [_failure(each, known) for each in error.errors()]
    detail = "; ".join(f"{failure['parameter']}: {failure['message']}" for failure in failures)
    return problem(request, KINDS[errors.InvalidParameter], detail, {"parameters": failures})


def parameters(request: Request) -> dict[str, FieldInfo]:
    """Return the query parameters that the route has: the type and the bounds of each."""
    dependant = getattr(request.scope.get("route"), "dependant", None)
    found: dict[str, FieldInfo] = {}
    for field in getattr(dependant, "query_params", []):
        model = field.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            found |= model.model_fields
        else:
            found[field.alias] = field.field_info
    return found


def _failure(error: Mapping[str, Any], known: Mapping[str, FieldInfo]) -> dict[str, Any]:
    """Describe a wrong parameter: its name, what is wrong, what was sent, and the bounds it has."""
    bounds = {key: value for key, value in error.get("ctx", {}).items() if key in ("ge", "gt", "le", "lt", "expected")}
    # A value of a list has its number as well, which is no part of the parameter's name.
    name = "".join(str(part) for part in error["loc"][1:2])
    # pydantic puts "Value error, " before the words of our own validators.
    ours = error["type"] == "value_error"
    message = str(error["ctx"]["error"]) if ours else what_is_wrong(error, known.get(name))
    failure = {"parameter": name, "message": message, "actual": str(error["input"]), **bounds}
    if error["type"] == "extra_forbidden":
        failure |= {"message": f"no such parameter; {suggestion(name, list(known))}", "supported": list(known)}
    return failure


async def _http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    kind = ROUTER.get(error.status_code, Kind(type="about:blank", title=str(error.detail), status=error.status_code))
    return problem(request, kind, _words(request, error.status_code, str(error.detail), headers), {}, headers)


def _words(request: Request, status: int, detail: str, headers: Mapping[str, str]) -> str:
    """Return what is wrong with a method or a path, and what to do."""
    method, path = request.method, request.url.path
    if status == 405 and "Allow" in headers:
        return f"{path} does not take {method}: use {headers['Allow'].replace(', ', ' or ')}"
    return f"there is no {path}: /docs lists the paths" if status == 404 else f"{method} {path}: {detail}"


async def _client_left(request: Request, error: Exception) -> Response:
    """Return an answer that nobody reads."""
    record_of(request).outcome = CLIENT_LEFT
    return Response(status_code=LEFT_STATUS)
