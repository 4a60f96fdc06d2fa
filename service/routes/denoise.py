"""``POST /denoise``."""

import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from service.analyst import model_facts
from service.denoiser import DenoiseOptions, DenoiseResult
from service.imaging import ImageFormat, ImageLimits, Picture, can_hold, check_output, decode, encode
from service.routes.disconnect import ends_with_client
from service.routes.intake import IMAGE, JsonImage, Upload
from service.routes.negotiation import Answer, negotiate
from service.routes.reception import in_thread, model_header, received
from service.routes.running import Running, claimed_limits, running
from service.routes.schemas import BODY, RESPONSES, DenoiseQuery, DenoiseReport
from service.routes.timing import StageClock, server_timing

router = APIRouter(tags=["denoise"])


@dataclass(frozen=True)
class Work:
    """What is to be done for a request: ``denoise`` makes the result, ``model`` says of what."""

    model: dict[str, str]
    denoise: Callable[[], Awaitable[DenoiseResult]]


@router.post(
    "/denoise",
    summary="Denoise an image of any noise level",
    response_class=Response,
    responses=RESPONSES,
    openapi_extra=BODY,
)
async def denoise(request: Request, query: Annotated[DenoiseQuery, Query()]) -> Response:
    """Remove Gaussian noise of any level; nothing about the noise, the range or the bit depth needs to be said."""
    uploads = await received(request, JsonImage)
    # There was room when it came (see ``gate``); others may have been quicker.
    running(request).require_room(query.model)
    async with ends_with_client(request):
        with claimed_limits(request) as limits:
            return await _denoise(request, uploads[IMAGE], query, limits)


async def _denoise(request: Request, upload: Upload, query: DenoiseQuery, limits: ImageLimits) -> Response:
    service = running(request)
    options = DenoiseOptions(
        model=query.model,
        color=query.color,
        strength=query.strength,
        output=query.output,
        estimate=query.estimate,
        bit_depth=query.bit_depth,
    )
    clock = StageClock()

    def read() -> tuple[Work, Answer]:
        picture = decode(upload.data, limits=limits, declared=upload.declared, gray_stack=query.color == "gray")
        picture, work = _chosen(service, picture, options)
        return work, _answer(request, picture, query)

    work, answer = await in_thread(service.codecs, read)
    clock.lap("decode")
    result = await work.denoise()
    clock.lap("device")

    def write() -> Response:
        content = encode(result.picture, answer.format)
        clock.lap("encode")
        timing_ms = clock.stages(infer_s=result.infer_s)
        if answer.as_json:
            return _report(request, content, answer.format, work.model, result, timing_ms)
        return Response(content, media_type=answer.format.media_type, headers=_facts(work.model, result, timing_ms))

    return await in_thread(service.codecs, write)


def _chosen(service: Running, picture: Picture, options: DenoiseOptions) -> tuple[Picture, Work]:
    """The picture in the colours asked for, and the work on it: of a network, or of a classical model."""
    if options.model in service.classical.names:
        name = options.model
        picture = service.classical.prepare(picture, options)
        return picture, Work(service.classical.facts(name), lambda: service.classical.denoise(picture, options, name))
    picture, card = service.denoiser.prepare(picture, options)
    model = service.models[card.name]
    return picture, Work(model_facts(model), lambda: service.denoiser.denoise(picture, options, card))


def _answer(request: Request, picture: Picture, query: DenoiseQuery) -> Answer:
    """The form of the answer; what cannot be given is told before the work."""
    wanted = None if query.format == "auto" else ImageFormat(query.format)
    if wanted is not None:
        check_output(picture, wanted)
    formats = sorted(ImageFormat, key=lambda each: each is not picture.format)
    possible = [each for each in formats if can_hold(picture, each)]
    return negotiate(request.headers.get("accept", ""), wanted=wanted, possible=possible)


def _report(
    request: Request,
    content: bytes,
    format: ImageFormat,
    model: dict[str, str],
    result: DenoiseResult,
    timing_ms: dict[str, float],
) -> JSONResponse:
    report = DenoiseReport(
        image=base64.b64encode(content).decode(),
        media_type=format.media_type,
        model=model,
        request_id=request.state.request_id,
        timing_ms=timing_ms,
        sigma_estimate=result.sigma_255,
        estimated_psnr=result.psnr_db,
    )
    return JSONResponse(report.model_dump(), headers=_facts(model, result, timing_ms))


def _facts(model: dict[str, str], result: DenoiseResult, timing_ms: dict[str, float]) -> dict[str, str]:
    facts = {
        "X-Model": model_header(model),
        "Server-Timing": server_timing(timing_ms),
    }
    if result.sigma_255 is not None:
        facts["X-Sigma-Estimate"] = f"{result.sigma_255:.2f}"
    if result.psnr_db is not None:
        facts["X-Estimated-PSNR"] = f"{result.psnr_db:.2f}"
    return facts
