"""The service's facts, which travel in headers."""

from collections.abc import Mapping
from dataclasses import dataclass

from biasfree_client._errors import UnexpectedResponse


@dataclass(frozen=True)
class Model:
    """Which model it was: name, version, and the SHA-256 of its file."""

    name: str
    version: str | None = None
    sha256: str | None = None


def read_model(headers: Mapping[str, str]) -> Model | None:
    """Read ``X-Model``: ``gray; version=1; sha256=...``."""
    if "X-Model" not in headers:
        return None
    name, parameters = _parameterized(headers["X-Model"])
    return Model(name, parameters.get("version"), parameters.get("sha256"))


def read_timing(headers: Mapping[str, str]) -> dict[str, float]:
    """Read ``Server-Timing`` into milliseconds by stage, leaving out what others put there without a duration."""
    entries = map(_parameterized, headers.get("Server-Timing", "").split(","))
    return {stage: _number("Server-Timing", facts["dur"]) for stage, facts in entries if "dur" in facts}


def read_number(headers: Mapping[str, str], name: str) -> float | None:
    """Read a header that is a number.

    Raises:
        UnexpectedResponse: It is there and is none.
    """
    return _number(name, headers[name]) if name in headers else None


def _parameterized(value: str) -> tuple[str, dict[str, str]]:
    """Split ``name; key=value; key=value``."""
    name, *parts = (part.strip() for part in value.split(";"))
    pairs = (part.partition("=") for part in parts)
    return name, {key.strip().lower(): text.strip().strip('"') for key, _, text in pairs}


def _number(header: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as exc:
        raise UnexpectedResponse(f"expected a number in {header}, got {text!r}") from exc
