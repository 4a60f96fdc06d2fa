"""``POST /analyze``."""

from importlib.util import find_spec
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from service.analysis.options import FORMATS, AnalysisOptions
from service.analysis.task import Output, Task
from service.errors import NotInstalled
from service.http.body import IMAGE, JsonImages, Upload, read_uploads
from service.http.context import claimed_limits, state_of
from service.http.disconnect import ends_with_client
from service.http.negotiation import preferred
from service.http.once import PARAMETERS_ONCE
from service.http.request_record import record_of
from service.http.timing import StageClock, model_header, server_timing
from service.imaging import ImageLimits
from service.routes import reading
from service.routes.analyze_schemas import BODY, RESPONSES
from service.routes.denoise_schemas import problem_responses
from service.state import ServiceState
from service.telemetry.tracing import stage

router = APIRouter(tags=["analyze"], dependencies=[PARAMETERS_ONCE])

#: Modules of the extra ``analysis``.
LIBRARIES = ("matplotlib", "torch")
INSTALL = "pip install 'biasfree[analysis]'"


def installed() -> bool:
    """Return whether the extra ``analysis`` is installed, without importing any of it."""
    return all(find_spec(name) is not None for name in LIBRARIES)


@router.post(
    "/analyze",
    summary="Analyze what the network does at a patch",
    response_class=Response,
    responses={**RESPONSES, **problem_responses({501: f"The analysis is not installed: `{INSTALL}`"})},
    openapi_extra=BODY,
)
async def analyze(request: Request, options: Annotated[AnalysisOptions, Query()]) -> Response:
    """Compute the Jacobian of the network at a patch of the image, and its singular value decomposition."""
    service = state_of(request)
    if not installed():
        raise NotInstalled(f"the analysis needs PyTorch and Matplotlib; install them with: {INSTALL}", command=INSTALL)
    uploads = await read_uploads(request, JsonImages, timeout_s=service.settings.timeout_s)
    service.analyst.bulkhead.require_room()
    clock, record = StageClock(), record_of(request)
    async with ends_with_client(request):
        with claimed_limits(request) as limits:
            with stage(service.tracer, "decode"):
                task = await service.in_codec_thread(lambda: _task(request, service, uploads, options, limits))
            record.model = task.facts["model"]["name"]
            clock.lap("decode")
            with stage(service.tracer, "analyze"):
                content = await service.analyst.analyze(task)
            clock.lap("analyze")
    record.timing_ms = clock.laps
    headers = {
        "X-Model": model_header(task.facts["model"]),
        "Server-Timing": server_timing(clock.laps),
        "Vary": "Accept",
    }
    return Response(content, media_type=task.output, headers=headers)


def _task(
    request: Request,
    service: ServiceState,
    uploads: dict[str, Upload],
    options: AnalysisOptions,
    limits: ImageLimits,
) -> Task:
    """Decode, and check everything that can be checked before the work."""
    output = _output(request, options)

    image, options = reading.read(uploads[IMAGE], options, limits)
    record_of(request).saw(image)
    picture, model = service.analyst.choose(image, options)
    clean = None
    if "clean" in uploads:
        clean, _ = service.analyst.choose(reading.read(uploads["clean"], options, limits)[0], options)
    return service.analyst.task(picture, clean, model, options, output=output, request_id=request.state.request_id)


def _output(request: Request, options: AnalysisOptions) -> Output:
    if options.format != "auto":
        return FORMATS[options.format]
    return Output(preferred(request.headers.get("accept", ""), list(FORMATS.values())))
