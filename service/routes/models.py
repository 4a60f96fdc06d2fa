"""``GET /models``, ``/models/{name}`` and ``/limits``."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field

from biasfree.analysis.request import DENSE_VALUES
from biasfree.card import Card
from service.analysis.options import MAX_FILTER_PIXELS, MAX_PROBES
from service.denoising.backend import ModelSummary
from service.denoising.classical import ClassicalCard
from service.errors import UnknownModel
from service.http.context import state_of
from service.http.problems import PROBLEM_JSON, Problem
from service.imaging import readable
from service.imaging.picture import DTYPES
from service.routes.analyze import installed
from service.settings import Settings

router = APIRouter(tags=["service"])


class ModelCard(BaseModel):
    """Everything known about a model."""

    sha256: str | None = Field(description="Of the model file; null for a classical model, which has none.")
    card: Card | ClassicalCard


class AnalysisLimits(BaseModel):
    """What an analysis is accepted with at most."""

    max_k: int = Field(description="Singular vectors from each end of the spectrum.")
    max_dense_values: int = Field(description="Values (channels x pixels) of a patch with its whole spectrum.")
    max_pixels: int = Field(description="Of a patch with the leading part of its spectrum.")
    max_filter_pixels: int = Field(description="How often `pixel` may be given.")
    max_probes: int = Field(description="Random vectors for the estimates over the whole image.")
    max_waiting: int = Field(description="Analyses that wait while one runs; past it, 429.")
    timeout_s: float


class Limits(BaseModel):
    """The limits that requests are checked against."""

    max_body_bytes: int
    max_pixels: int = Field(description="Over all frames.")
    max_frames: int
    classical_max_pixels: int = Field(description="Likewise, for a classical model.")
    queue_limit_s: float = Field(description="Predicted seconds of queued work past which requests get 429.")
    timeout_s: float
    analysis: AnalysisLimits | None = Field(
        description="Of `/analyze`; null where it is switched off or not installed."
    )
    media_types: list[str]
    dtypes: list[str]


@router.head("/models", include_in_schema=False)
@router.get("/models", summary="The models that are served")
async def models(request: Request) -> list[ModelSummary]:
    """List the name, version and cost of every model: the networks first, then the classical ones."""
    return [summary for backend in state_of(request).backends for summary in backend.summaries()]


@router.head("/models/{name}", include_in_schema=False)
@router.get(
    "/models/{name}",
    summary="A model's card",
    responses={
        404: {"description": "No such model", "content": {PROBLEM_JSON: {"schema": Problem.model_json_schema()}}}
    },
)
async def model(request: Request, name: Annotated[str, Path(examples=["gray"])]) -> ModelCard:
    """Return the training, quality and checksums of a network, or the method and authors of a classical one."""
    backends = state_of(request).backends
    if name not in backends.names:
        raise UnknownModel.called(name, backends.names)
    sha256, card = backends.of(name).card(name)
    return ModelCard.model_validate({"sha256": sha256, "card": card})


@router.head("/limits", include_in_schema=False)
@router.get("/limits", summary="Limits, formats and dtypes")
async def limits(request: Request) -> Limits:
    """Return the limits that requests are checked against, and the formats and dtypes that are read."""
    settings = state_of(request).settings
    return Limits(
        max_body_bytes=settings.max_body_bytes,
        max_pixels=settings.max_pixels,
        max_frames=settings.max_frames,
        classical_max_pixels=settings.classical_max_pixels,
        queue_limit_s=settings.queue_limit_s,
        timeout_s=settings.timeout_s,
        analysis=_analysis_limits(settings),
        media_types=[each.media_type for each in readable()],
        dtypes=list(DTYPES),
    )


def _analysis_limits(settings: Settings) -> AnalysisLimits | None:
    if not (settings.analysis_enabled and installed()):
        return None
    return AnalysisLimits(
        max_k=settings.analysis_max_k,
        max_dense_values=DENSE_VALUES,
        max_pixels=settings.analysis_max_pixels,
        max_filter_pixels=MAX_FILTER_PIXELS,
        max_probes=MAX_PROBES,
        max_waiting=settings.analysis_queue,
        timeout_s=settings.analysis_timeout_s,
    )
