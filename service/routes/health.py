"""``GET /healthz`` and ``/readyz``."""

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from service.http.context import state_of
from service.http.problems import PROBLEM_JSON, Problem

router = APIRouter(tags=["service"])


class Alive(BaseModel):
    """The process answers."""

    status: str = "alive"


class Ready(BaseModel):
    """Images are denoised."""

    status: str = "ready"
    device: str = Field(description="`cpu` or `cuda`: what really runs.", examples=["cpu"])
    models: list[str] = Field(description="Models whose golden tile came out right on this device.")
    queued: int = Field(description="Requests that wait.")
    predicted_s: float = Field(description="Seconds that the queued work will take.")
    self_check_age_s: float = Field(description="Seconds since the golden tiles last came out right.")
    batches: int = Field(description="Batches that the device was given since the start.")


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", summary="Alive")
async def healthz() -> Alive:
    """Does no work."""
    return Alive()


@router.head("/readyz", include_in_schema=False)
@router.get(
    "/readyz",
    summary="Ready to denoise",
    responses={503: {"description": "Not ready", "content": {PROBLEM_JSON: {"schema": Problem.model_json_schema()}}}},
)
async def readyz(request: Request) -> Ready:
    """The golden tile of every model is denoised on the device again and again and matches, and nothing ends.

    Otherwise 503, with `reason`: `draining`, `drift` (a result is not what it should be) or `device`.
    """
    service = state_of(request)
    service.require_ready()
    state = service.queue.state
    return Ready(
        device=service.device,
        models=sorted(service.backends.default.names),
        queued=state.jobs,
        predicted_s=round(state.predicted_s, 3),
        self_check_age_s=round(service.self_check.age_s, 3),
        batches=state.batches,
    )
