"""The route ``GET /requests/{request_id}``."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field

from service.errors import UnknownRequest
from service.http.in_progress import PREFIX, InProgress
from service.http.problems import PROBLEM_JSON, Problem

#: An id may contain slashes.
PATH = f"{PREFIX}{{request_id:path}}"

router = APIRouter(tags=["service"])


class RequestProgress(BaseModel):
    """How far a request is."""

    request_id: str
    state: Literal["waiting", "running"] = Field(description="`running` once the first of its tiles has begun.")
    place: int | None = Field(description="Place in the queue, counted from 1; null if it runs or is not queued yet.")
    tiles_done: int
    tiles_total: int | None = Field(
        description="Tiles of all frames, planes and passes; null until the image is decoded. "
        "For a classical model, the whole request is one tile."
    )
    seconds_left: float | None = Field(
        description="Predicted seconds until the tiles are done, queued work of others included; null if not known."
    )


@router.head(PATH, include_in_schema=False)
@router.get(
    PATH,
    summary="The progress of a request",
    responses={
        404: {
            "description": "No such request waits or runs in this process",
            "content": {PROBLEM_JSON: {"schema": Problem.model_json_schema()}},
        }
    },
)
async def progress(
    request: Request, request_id: Annotated[str, Path(description="The `X-Request-Id` that was sent with it.")]
) -> RequestProgress:
    """Tell how far a `/denoise` request is that was sent with this `X-Request-Id` (and with the same key).

    The question takes no room in the queue, and does not count against a key's requests per minute.
    """
    in_progress: InProgress = request.app.state.in_progress
    found = in_progress.find(getattr(request.state, "key_holder", None), request_id)
    if found is None:
        raise UnknownRequest("no request with this id waits or runs here: it may have ended")
    standing = found.standing()
    running = found.begun or standing.running
    return RequestProgress(
        request_id=request_id,
        state="running" if running else "waiting",
        place=None if running else standing.place,
        tiles_done=found.tiles_done,
        tiles_total=found.tiles_total,
        seconds_left=None if standing.seconds_left is None else round(standing.seconds_left, 1),
    )
