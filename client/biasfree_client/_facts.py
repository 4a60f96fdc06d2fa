"""What the service says about itself: models, limits, readiness.

Fields that a newer service adds are left out here; the raw response has them.
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
    """One model that is served.

    Args:
        name: What ``model=`` takes.
        version: Of the model.
        sha256: Of the model file.
        channels: 1 for gray, 3 for RGB; None where it takes any.
        default_for_channels: Used where no model is named and the image has so many.
        macs_per_pixel: Multiply-adds for each pixel.
    """

    name: str
    version: str
    sha256: str | None = None
    channels: int | None = None
    default_for_channels: int | None = None
    macs_per_pixel: float | None = None


@dataclass(frozen=True)
class ModelCard:
    """Everything known about one model.

    Args:
        sha256: Of the model file.
        card: Origin, training and measured quality, as the model file itself says.
    """

    sha256: str | None
    card: Mapping[str, Any]


@dataclass(frozen=True)
class AnalysisLimits:
    """What an analysis is accepted with at most."""

    max_k: int
    max_dense_values: int
    max_pixels: int
    timeout_s: float


@dataclass(frozen=True)
class Limits:
    """What is accepted at most.

    Args:
        max_body_bytes: Of one request.
        max_pixels: Over all frames.
        max_frames: Of a stack.
        timeout_s: For one request.
        media_types: That are read.
        dtypes: Of arrays that are read.
        analysis: Of ``analyze``; None where it is switched off.
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
    """A service that denoises.

    Args:
        device: ``cpu`` or ``cuda``.
        models: Names of those that passed their test on this device.
        queued: Requests that wait.
        predicted_s: Seconds that their work will take.
    """

    device: str
    models: list[str] = field(default_factory=list)
    queued: int | None = None
    predicted_s: float | None = None


def read_models(response: httpx.Response) -> list[ModelSummary]:
    """Read the answer to ``GET /models``."""
    listed = _json(response)
    if not isinstance(listed, list):
        raise UnexpectedResponse(f"expected a list of models, got {type(listed).__name__}")
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
        raise UnexpectedResponse(f"expected the limits of the service, got {document}") from exc


def read_readiness(response: httpx.Response) -> Readiness:
    """Read the answer to ``GET /readyz``."""
    return _record(Readiness, _json(response))


def _json(response: httpx.Response) -> Any:
    expect_success(response, "application/json")
    try:
        return response.json()
    except ValueError as exc:
        raise UnexpectedResponse(f"expected JSON, got {response.text[:80]!r}") from exc


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise UnexpectedResponse(f"expected a JSON object, got {value!r}")
    return value


def _record(kind: type[RecordT], value: Any) -> RecordT:
    """A dataclass of the members of a JSON object that it knows."""
    document = _mapping(value)
    known = fields(kind)
    required = [each.name for each in known if each.default is MISSING and each.default_factory is MISSING]
    if missing := [name for name in required if name not in document]:
        raise UnexpectedResponse(f"expected {', '.join(missing)} in {dict(document)}")
    return kind(**{each.name: document[each.name] for each in known if each.name in document})
