"""The service's own description: models, limits and readiness.

Fields that a newer service adds are ignored here; the raw response has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeVar

from biasfree_client._errors import UnexpectedResponse
from biasfree_client._response import expect_success

if TYPE_CHECKING:
    import httpx

RecordT = TypeVar("RecordT", bound="ModelSummary | Readiness | AnalysisLimits")


@dataclass(frozen=True)
class ModelSummary:
    """An available model.

    Args:
        name: Name, as ``model=`` takes it.
        version: Version of the model.
        sha256: SHA-256 of the model file.
        channels: 1 for gray, 3 for RGB; None if it accepts any.
        default_for_channels: The number of channels that it is the default model for, if any.
        macs_per_pixel: Multiply-adds per pixel.
    """

    name: str
    version: str
    sha256: str | None = None
    channels: int | None = None
    default_for_channels: int | None = None
    macs_per_pixel: float | None = None


@dataclass(frozen=True)
class ModelCard:
    """A model's card.

    Args:
        sha256: SHA-256 of the model file.
        card: Origin, training and measured quality, as stored in the model file.
    """

    sha256: str | None
    card: Mapping[str, Any]


@dataclass(frozen=True)
class AnalysisLimits:
    """The upper limits of an analysis."""

    max_k: int
    max_dense_values: int
    max_pixels: int
    timeout_s: float


@dataclass(frozen=True)
class Limits:
    """The limits and accepted formats of the service.

    Args:
        max_body_bytes: Most bytes per request.
        max_pixels: Most pixels per image, over all frames.
        max_frames: Most frames per stack.
        timeout_s: Seconds after which the service gives up a request.
        media_types: Accepted media types.
        dtypes: Accepted dtypes of arrays.
        analysis: Limits of ``analyze``; None if it is switched off.
    """

    max_body_bytes: int
    max_pixels: int
    max_frames: int
    timeout_s: float
    media_types: tuple[str, ...]
    dtypes: tuple[str, ...]
    analysis: AnalysisLimits | None = None


@dataclass(frozen=True)
class Readiness:
    """The state of a service that is ready.

    Args:
        device: ``cpu`` or ``cuda``.
        models: Names of the models that passed their self-test on this device.
        queued: Requests in the queue.
        predicted_s: Predicted seconds of work for the queue.
    """

    device: str
    models: list[str] = field(default_factory=list)
    queued: int | None = None
    predicted_s: float | None = None


def read_models(response: httpx.Response) -> list[ModelSummary]:
    """Read the answer to ``GET /models``."""
    listed = _json(response)
    if not isinstance(listed, list):
        raise UnexpectedResponse(f"Unexpected answer: {type(listed).__name__} instead of a list of models")
    return [_record(ModelSummary, each) for each in listed]


def read_card(response: httpx.Response) -> ModelCard:
    """Read the answer to ``GET /models/{name}``."""
    document = _mapping(_json(response))
    return ModelCard(document.get("sha256"), _mapping(document.get("card")))


def read_limits(response: httpx.Response) -> Limits:
    """Read the answer to ``GET /limits``."""
    document = _mapping(_json(response))
    try:
        return Limits(
            max_body_bytes=int(document["max_body_bytes"]),
            max_pixels=int(document["max_pixels"]),
            max_frames=int(document["max_frames"]),
            timeout_s=float(document["timeout_s"]),
            media_types=tuple(document["media_types"]),
            dtypes=tuple(document["dtypes"]),
            analysis=_record(AnalysisLimits, document["analysis"]) if document.get("analysis") else None,
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise UnexpectedResponse(f"Unexpected answer: these are not the service's limits: {document}") from exc


def read_readiness(response: httpx.Response) -> Readiness:
    """Read the answer to ``GET /readyz``."""
    return _record(Readiness, _json(response))


def _json(response: httpx.Response) -> Any:
    expect_success(response, "application/json")
    try:
        return response.json()
    except ValueError as exc:
        raise UnexpectedResponse(f"Unexpected answer: not JSON: {response.text[:80]!r}") from exc


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise UnexpectedResponse(f"Unexpected answer: {value!r} instead of a JSON object")
    return value


def _record(kind: type[RecordT], value: Any) -> RecordT:
    """Make a dataclass of those members of a JSON object that it has fields for."""
    document = _mapping(value)
    known = fields(kind)
    required = [each.name for each in known if each.default is MISSING and each.default_factory is MISSING]
    if missing := [name for name in required if name not in document]:
        raise UnexpectedResponse(f"Unexpected answer: {', '.join(missing)} missing from {dict(document)}")
    return kind(**{each.name: document[each.name] for each in known if each.name in document})
