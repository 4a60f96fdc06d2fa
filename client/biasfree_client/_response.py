"""What every answer has in common: success, or a problem document."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from biasfree_client._errors import Problem, UnexpectedResponse, error_of

if TYPE_CHECKING:
    import httpx


def expect_success(response: httpx.Response, *media_types: str) -> str:
    """Check that an answer is what was asked for, and give its media type.

    Args:
        response: The answer, read to its end.
        media_types: Media types, or beginnings of them, that are welcome.

    Raises:
        ProblemError: The status says that it failed.
        UnexpectedResponse: It succeeded with something else.
    """
    if response.status_code >= 400:
        raise error_of(read_problem(response))
    media_type = _media_type(response)
    if response.status_code != 200 or not media_type.startswith(media_types):
        expected, got = " or ".join(media_types), media_type or "no media type"
        raise UnexpectedResponse(f"expected 200 with {expected}, got {response.status_code} with {got}")
    return media_type


def read_problem(response: httpx.Response) -> Problem:
    """Read a problem document; an answer without one (a proxy's, say) becomes one of type ``about:blank``."""
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
    """``Retry-After``: seconds, or a date as proxies may give it (RFC 9110, section 10.2.3)."""
    value: str = response.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds()) if moment.tzinfo else None
