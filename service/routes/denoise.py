"""The route ``POST /denoise``."""

import base64
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from biasfree.noise import Noise, digits
from service.denoising.backend import DenoiseResult, Work
from service.denoising.options import DenoiseOptions
from service.http.body import IMAGE, JsonImage, Upload, read_uploads
from service.http.context import claimed_limits, state_of
from service.http.disconnect import ends_with_client
from service.http.negotiation import Answer, negotiate
from service.http.once import PARAMETERS_ONCE
from service.http.request_record import record_of
from service.http.timing import StageClock, model_header, server_timing
from service.imaging import (
    ImageFormat,
    ImageLimits,
    Picture,
    can_hold,
    check_bits,
    check_output,
    color_warning,
    encode,
    with_bits,
)
from service.routes import reading
from service.routes.denoise_schemas import BODY, RESPONSES, DenoiseReport, NoiseReport
from service.telemetry.tracing import batches, stage

#: White on the scale of noise levels.
WHITE = 255

router = APIRouter(tags=["denoise"], dependencies=[PARAMETERS_ONCE])


@router.post(
    "/denoise",
    summary="Denoise an image of any noise level",
    response_class=Response,
    responses=RESPONSES,
    openapi_extra=BODY,
)
async def denoise(request: Request, options: Annotated[DenoiseOptions, Query()]) -> Response:
    """Remove noise of any kind and level; there is no noise level, range or bit depth to specify."""
    service = state_of(request)
    uploads = await read_uploads(request, JsonImage, timeout_s=service.settings.timeout_s)
    # There was room when the request arrived (see ``room_gate``), but others may have been faster.
    service.require_room(options.model)
    async with ends_with_client(request):
        with claimed_limits(request) as limits:
            return await _denoise(request, uploads[IMAGE], options, limits)


async def _denoise(request: Request, upload: Upload, options: DenoiseOptions, limits: ImageLimits) -> Response:
    service = state_of(request)
    clock, record, tracer = StageClock(), record_of(request), service.tracer

    def read() -> tuple[Work, Answer]:
        picture, chosen = reading.read(upload, options, limits)
        record.saw(picture)
        work = service.backends.of(options.model).prepare(picture, chosen)
        return work, _answer(request, work.picture, options)

    with stage(tracer, "decode"):
        work, answer = await service.in_codec_thread(read)
    record.model = work.model
    clock.lap("decode")
    result = await work.denoise()
    warnings = color_warning(result.picture, answer.format), _scale_warning(result, options)
    result = replace(result, picture=result.picture.warned(*warnings))
    record.model = result.model["name"]
    clock.lap("device")
    batches(tracer, record.model, result.batches)

    def write() -> Response:
        picture = with_bits(result.picture, options.bits, bit_depth=options.bit_depth)
        content = encode(picture, answer.format, quality=options.quality)
        clock.lap("encode")
        timing_ms = record.timing_ms = clock.stages(infer_s=result.infer_s)
        if answer.as_json:
            return _report(request, content, answer.format, result, timing_ms)
        return Response(content, media_type=answer.format.media_type, headers=_facts(result, timing_ms))

    with stage(tracer, "encode"):
        response = await service.in_codec_thread(write)
    service.metrics.denoised(record.model, result.picture.pixels)
    return response


def _scale_warning(result: DenoiseResult, options: DenoiseOptions) -> str:
    """Return a warning if the noise is estimated stronger than white, as in floats from 0 to 255."""
    if result.noise is None or result.noise.level <= WHITE or options.bit_depth or result.picture.dtype.kind != "f":
        return ""
    return (
        f"level and PSNR take 1 for white, but the noise is {digits(result.noise.level / WHITE)}: name the depth of "
        "these floats, as in bit_depth=8 for 0 to 255"
    )


def _answer(request: Request, picture: Picture, options: DenoiseOptions) -> Answer:
    """Choose the format of the answer; refuse an impossible one before doing the work."""
    wanted = None if options.format == "auto" else ImageFormat(options.format)
    if wanted is not None:
        check_output(picture, wanted, bits=options.bits)
    check_bits(picture, options.bits)
    formats = sorted(ImageFormat, key=lambda each: each is not picture.format)
    possible = [each for each in formats if can_hold(picture, each, bits=options.bits)]
    return negotiate(request.headers.get("accept", ""), wanted=wanted, possible=possible)


def _report(
    request: Request,
    content: bytes,
    format: ImageFormat,
    result: DenoiseResult,
    timing_ms: dict[str, float],
) -> JSONResponse:
    report = DenoiseReport(
        image=base64.b64encode(content).decode(),
        media_type=format.media_type,
        model=result.model,
        request_id=request.state.request_id,
        timing_ms=timing_ms,
        warning=result.picture.warning or None,
        **_estimates(result.noise),
    )
    return JSONResponse(report.model_dump(), headers=_facts(result, timing_ms))


def _facts(result: DenoiseResult, timing_ms: dict[str, float]) -> dict[str, str]:
    facts = {
        "X-Model": model_header(result.model),
        "Server-Timing": server_timing(timing_ms),
    }
    if result.picture.warning:
        facts["X-Warning"] = result.picture.warning
    if result.noise is not None:
        facts |= _noise_headers(result.noise)
    return facts


def _estimates(noise: Noise | None) -> dict[str, Any]:
    """Return the fields of ``DenoiseReport`` about the noise."""
    if noise is None:
        return {}
    return {
        "noise": NoiseReport(**{name: getattr(noise, name) for name in NoiseReport.model_fields}),
        "sigma_estimate": noise.level,
        "estimated_psnr": noise.psnr_db,
        "estimated_psnr_withheld": noise.psnr_withheld,
    }


def _noise_headers(noise: Noise) -> dict[str, str]:
    """Return the headers about the noise.

    ``X-Noise`` is like ``white; level=24.8; clipped=0.001; description="white noise, level 24.8"``; the others are
    older.
    """
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
