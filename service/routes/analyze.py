"""``POST /analyze``."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from service.analysis.analyst import AnalysisOptions
from service.analysis.task import Output, Task
from service.http.body import IMAGE, JsonImages, Upload
from service.http.disconnect import ends_with_client
from service.http.negotiation import preferred
from service.http.reception import in_thread, model_header, received
from service.http.request_record import facts_of
from service.http.timing import StageClock, server_timing
from service.imaging import ImageLimits, Picture, decode
from service.routes.analyze_schemas import BODY, FORMATS, RESPONSES, AnalyzeQuery
from service.state import Running, claimed_limits, running
from service.telemetry.tracing import stage

router = APIRouter(tags=["analyze"])


@router.post(
    "/analyze",
    summary="Lay open what the network does at a patch",
    response_class=Response,
    responses=RESPONSES,
    openapi_extra=BODY,
)
async def analyze(request: Request, query: Annotated[AnalyzeQuery, Query()]) -> Response:
    """The Jacobian of the network at a patch of the image, and its singular value decomposition."""
    service = running(request)
    uploads = await received(request, JsonImages)
    service.analyst.bulkhead.require_room()
    clock, facts = StageClock(), facts_of(request)
    async with ends_with_client(request):
        with claimed_limits(request) as limits:
            with stage(service.tracer, "decode"):
                task = await in_thread(service.codecs, lambda: _task(request, service, uploads, query, limits))
            facts.model = task.facts["model"]["name"]
            clock.lap("decode")
            with stage(service.tracer, "analyze"):
                content = await service.analyst.analyze(task)
            clock.lap("analyze")
    facts.timing_ms = clock.laps
    headers = {
        "X-Model": model_header(task.facts["model"]),
        "Server-Timing": server_timing(clock.laps),
        "Vary": "Accept",
    }
    return Response(content, media_type=task.output, headers=headers)


def _task(
    request: Request, service: Running, uploads: dict[str, Upload], query: AnalyzeQuery, limits: ImageLimits
) -> Task:
    """Decode, and check everything that can be checked before the work."""
    options = AnalysisOptions(
        x=query.x,
        y=query.y,
        size=query.size,
        k=query.k,
        method=query.method,
        pixels=query.pixels,
        probes=query.probes,
        frame=query.frame,
        model=query.model,
        color=query.color,
        bit_depth=query.bit_depth,
        output=_output(request, query),
    )

    def read(upload: Upload) -> Picture:
        return decode(upload.data, limits=limits, declared=upload.declared, gray_stack=query.color == "gray")

    image = read(uploads[IMAGE])
    facts_of(request).saw(image)
    picture, name = service.analyst.choose(image, options)
    clean = None
    if "clean" in uploads:
        clean, _ = service.analyst.choose(read(uploads["clean"]), options)
    model = service.models[name]
    return service.analyst.task(picture, clean, model, options, request_id=request.state.request_id)


def _output(request: Request, query: AnalyzeQuery) -> Output:
    if query.format != "auto":
        return FORMATS[query.format]
    return Output(preferred(request.headers.get("accept", ""), list(FORMATS.values())))
