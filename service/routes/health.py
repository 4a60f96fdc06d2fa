"""The routes ``GET /healthz`` and ``/readyz``."""

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from service.http.context import state_of
from service.http.problems import PROBLEM_JSON, Problem

router = APIRouter(tags=["service"])


class Alive(BaseModel):
    """The answer of a live process."""

    status: str = "alive"


class Ready(BaseModel):
    """The answer of a service that is ready to denoise."""

    status: str = "ready"
    device: str = Field(description="Device in use: `cpu` or `cuda`.", examples=["cpu"])
    models: list[str] = Field(description="Models whose golden tile was correct on this device.")
    queued: int = Field(description="Waiting requests.")
    predicted_s: float = Field(description="Predicted seconds of queued work.")
    self_check_age_s: float = Field(description="Seconds since the last successful check of the golden tiles.")
    batches: int = Field(description="Number of batches since the start.")


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", summary="Alive")
async def healthz() -> Alive:
    """Answer at once, without any work."""
    return Alive()


@router.head("/readyz", include_in_schema=False)
@router.get(
    "/readyz",
    summary="Ready to denoise",
    responses={503: {"description": "Not ready", "content": {PROBLEM_JSON: {"schema": Problem.model_json_schema()}}}},
)
async def readyz(request: Request) -> Ready:
    """Tell whether the service is ready: the periodic checks of the golden tiles pass, and it is not shutting down.

    Otherwise it returns 503 with a `reason`: `draining`, `drift` (the device computes wrong results) or `device`.
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
