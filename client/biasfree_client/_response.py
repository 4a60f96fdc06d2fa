"""The two outcomes of every call: the expected media type, or a problem document."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from biasfree_client._errors import Problem, UnexpectedResponse, error_of

if TYPE_CHECKING:
    import httpx


def expect_success(response: httpx.Response, *media_types: str) -> str:
    """Check that an answer has an accepted media type, and return that.

    Args:
        response: The complete answer.
        media_types: Accepted media types, or prefixes of them.

    Raises:
        ProblemError: The status is 400 or above.
        UnexpectedResponse: Any other status but 200, or another media type.
    """
    if response.status_code >= 400:
        raise error_of(read_problem(response))
    media_type = _media_type(response)
    if response.status_code != 200 or not media_type.startswith(media_types):
        expected, found = " or ".join(media_types), media_type or "no media type"
        raise UnexpectedResponse(
            f"Unexpected answer: {response.status_code} with {found} instead of 200 with {expected}; "
            "check the service's address"
        )
    return media_type


def read_problem(response: httpx.Response) -> Problem:
    """Read a problem document; for an answer without one, such as a proxy's, make one of type ``about:blank``."""
    document = _document(response)
    return Problem(
        type=_text(document, "type") or "about:blank",
        title=_text(document, "title") or response.reason_phrase or "Error",
        status=response.status_code,
        detail=_text(document, "detail"),
        request_id=_text(document, "request_id") or response.headers.get("X-Request-Id"),
        retry_after_s=_retry_after_s(response),
        document=document,
    )


def _document(response: httpx.Response) -> Mapping[str, Any]:
    if _media_type(response) != "application/problem+json":
        return {}
    try:
        document = response.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _media_type(response: httpx.Response) -> str:
    value: str = response.headers.get("Content-Type", "")
    return value.partition(";")[0].strip().lower()


def _text(document: Mapping[str, Any], name: str) -> str | None:
    value = document.get(name)
    return value if isinstance(value, str) else None


def _retry_after_s(response: httpx.Response) -> float | None:
    """Read ``Retry-After``: seconds, or a date as some proxies send it (RFC 9110, section 10.2.3)."""
    value: str = response.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds()) if moment.tzinfo else None
