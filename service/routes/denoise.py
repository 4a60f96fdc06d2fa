"""``POST /denoise``."""

import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from biasfree.noise import Noise, digits
from service.analysis.analyst import model_facts
from service.denoising.frames import DenoiseOptions
from service.denoising.networks import DenoiseResult
from service.http.body import IMAGE, JsonImage, Upload
from service.http.disconnect import ends_with_client
from service.http.negotiation import Answer, negotiate
from service.http.reception import in_thread, model_header, received
from service.http.request_record import facts_of
from service.http.timing import StageClock, server_timing
from service.imaging import ImageFormat, ImageLimits, Picture, can_hold, check_output, decode, encode
from service.routes.denoise_schemas import BODY, RESPONSES, DenoiseQuery, DenoiseReport, NoiseReport
from service.state import Running, claimed_limits, running
from service.telemetry.tracing import batches, stage

router = APIRouter(tags=["denoise"])


@dataclass(frozen=True)
class Work:
    """What is to be done for a request: ``denoise`` makes the result, ``facts`` tells of the model that made it.

    Attributes:
        name: The model that was asked for, or the default.
    """

    name: str
    denoise: Callable[[], Awaitable[DenoiseResult]]
    facts: Callable[[str], dict[str, str]]


@router.post(
    "/denoise",
    summary="Denoise an image of any noise level",
    response_class=Response,
    responses=RESPONSES,
    openapi_extra=BODY,
)
async def denoise(request: Request, query: Annotated[DenoiseQuery, Query()]) -> Response:
    """Remove noise of any kind and level; there is no noise level, range or bit depth to specify."""
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
        chroma_strength=query.chroma_strength,
        output=query.output,
        estimate=query.estimate,
        bit_depth=query.bit_depth,
    )
    clock, facts, tracer = StageClock(), facts_of(request), service.tracer

    def read() -> tuple[Work, Answer]:
        picture = decode(upload.data, limits=limits, declared=upload.declared, gray_stack=query.color == "gray")
        facts.saw(picture)
        picture, work = _chosen(service, picture, options)
        return work, _answer(request, picture, query)

    with stage(tracer, "decode"):
        work, answer = await in_thread(service.codecs, read)
    facts.model = work.name
    clock.lap("decode")
    result = await work.denoise()
    model, facts.model = work.facts(result.model), result.model
    clock.lap("device")
    batches(tracer, facts.model, result.batches)

    def write() -> Response:
        content = encode(result.picture, answer.format)
        clock.lap("encode")
        timing_ms = facts.timing_ms = clock.stages(infer_s=result.infer_s)
        if answer.as_json:
            return _report(request, content, answer.format, model, result, timing_ms)
        return Response(content, media_type=answer.format.media_type, headers=_facts(model, result, timing_ms))

    with stage(tracer, "encode"):
        response = await in_thread(service.codecs, write)
    service.metrics.denoised(facts.model, result.picture.pixels)
    return response


def _chosen(service: Running, picture: Picture, options: DenoiseOptions) -> tuple[Picture, Work]:
    """The picture in the colours asked for, and the work on it: of a network, or of a classical model."""
    if options.model in service.classical.names:
        name = options.model
        picture = service.classical.prepare(picture, options)
        return picture, Work(name, lambda: service.classical.denoise(picture, options, name), service.classical.facts)
    picture, card = service.denoiser.prepare(picture, options)
    return picture, Work(
        card.name,
        lambda: service.denoiser.denoise(picture, options, card),
        lambda chosen: model_facts(service.models[chosen]),
    )


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
        **_estimates(result.noise),
    )
    return JSONResponse(report.model_dump(), headers=_facts(model, result, timing_ms))


def _facts(model: dict[str, str], result: DenoiseResult, timing_ms: dict[str, float]) -> dict[str, str]:
    facts = {
        "X-Model": model_header(model),
        "Server-Timing": server_timing(timing_ms),
    }
    if result.noise is not None:
        facts |= _noise_headers(result.noise)
    return facts


def _estimates(noise: Noise | None) -> dict[str, Any]:
    """The fields of ``DenoiseReport`` about the noise."""
    if noise is None:
        return {}
    return {
        "noise": NoiseReport(**{name: getattr(noise, name) for name in NoiseReport.model_fields}),
        "sigma_estimate": noise.level,
        "estimated_psnr": noise.psnr_db,
        "estimated_psnr_withheld": noise.psnr_withheld,
    }


def _noise_headers(noise: Noise) -> dict[str, str]:
    """``X-Noise: white; level=24.8; clipped=0.001; description="white noise, level 24.8"``, and the older headers."""
    values = {
        "level": digits(noise.level),
        "neighbor_correlation": _rounded(noise.neighbor_correlation),
        "channel_correlation": _rounded(noise.channel_correlation),
        "brightness_dependence": _rounded(noise.brightness_dependence),
        "clipped": _rounded(noise.clipped),
        "description": f'"{noise.description}"',
    }
    known = [f"{name}={value}" for name, value in values.items() if value is not None]
    headers = {"X-Sigma-Estimate": digits(noise.level), "X-Noise": "; ".join([noise.kind, *known])}
    if noise.psnr_db is not None:
        headers["X-Estimated-PSNR"] = f"{noise.psnr_db:.2f}"
    if noise.psnr_withheld is not None:
        headers["X-Estimated-PSNR-Withheld"] = noise.psnr_withheld
    return headers


def _rounded(value: float | None) -> str | None:
    return None if value is None else f"{value:.3f}"
