"""The requests and answers of ``/denoise``, for validation and for the OpenAPI document."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field

from service.http.body import JsonImage
from service.http.problems import PROBLEM_JSON, Problem
from service.imaging import WRITABLE, ImageFormat


class NoiseReport(BaseModel):
    """The removed noise."""

    kind: Literal["white", "brightness-dependent", "impulse", "correlated", "little", "unknown"]
    level: float = Field(description="Standard deviation, 0-255 scale; for correlated noise, that of the removed part.")
    white: bool | None = Field(description="True if it is uncorrelated; null if unknown.")
    neighbor_correlation: float | None = Field(
        description="Correlation of the residual with the next pixel to the right or below."
    )
    channel_correlation: float | None = Field(
        description="Correlation of the residual between channels; null for gray."
    )
    brightness_dependence: float | None = Field(
        description="Level in the brightest third over that in the darkest; null if brightness hardly varies."
    )
    clipped: float | None = Field(description="Share of samples at the ends of the range, outside constant areas.")
    description: str = Field(examples=["white noise, level 24.8"])


class DenoiseReport(BaseModel):
    """The answer as JSON."""

    image: str = Field(description="The image file in base64.")
    media_type: str = Field(examples=["image/png"])
    model: dict[str, str]
    request_id: str
    timing_ms: dict[str, float]
    sigma_estimate: float | None = Field(
        default=None, description="Estimated noise standard deviation, 0-255 scale; only with `estimate=true`."
    )
    estimated_psnr: float | None = Field(
        default=None, description="Estimated PSNR of the result in dB; only with `estimate=true`, null if withheld."
    )
    estimated_psnr_withheld: str | None = Field(default=None, description="Reason why there is no estimated PSNR.")
    warning: str | None = Field(
        default=None, description="What was assumed about the image, left out of it, or is damaged in it."
    )
    noise: NoiseReport | None = Field(default=None, description="The removed noise; only with `estimate=true`.")


IMAGE_TYPES = {each.media_type: {"schema": {"type": "string", "format": "binary"}} for each in ImageFormat}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "An image as the body itself, as the multipart field `image`, or in JSON. "
        "Supported are 8- and 16-bit PNG and TIFF, float TIFF, NPY of any range, JPEG, WebP, BMP, AVIF, Netpbm, "
        "JPEG XL, JPEG 2000 and GIF, and with their extras HEIC, camera raw files, FITS and DICOM.",
        "content": {
            **IMAGE_TYPES,
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["image"],
                    "properties": {"image": {"type": "string", "format": "binary"}},
                }
            },
            "application/json": {"schema": JsonImage.model_json_schema()},
        },
    }
}
_HEADERS = {
    "X-Request-Id": "Request id, as in the log; the client's own if it sent one.",
    "X-Model": "Name, version and SHA-256 of the model file.",
    "X-Sigma-Estimate": "Estimated noise standard deviation, 0-255 scale; with `estimate=true`.",
    "X-Estimated-PSNR": "Estimated PSNR of the result in dB; with `estimate=true`, if its assumptions hold.",
    "X-Estimated-PSNR-Withheld": "Reason why there is no estimated PSNR; with `estimate=true`.",
    "X-Noise": "Kind of the removed noise, its level and measurements; with `estimate=true`.",
    "X-Warning": "What was assumed about the image, left out of it, or is damaged in it, in a sentence.",
    "Server-Timing": "Milliseconds for the stages decode, queue, infer and encode.",
}
ERRORS = {
    400: "The body is empty, or the image is damaged or incomplete",
    404: "No such model",
    408: "The body did not arrive in time",
    406: "The requested format is not available, or cannot hold these pixels",
    413: "Too many bytes, pixels or frames",
    415: "The format of the body is not supported",
    422: "A parameter is invalid, or a pixel is not finite",
    429: "Too much work is queued; retry after `Retry-After` seconds",
    500: "The device failed",
    503: "The service is shutting down, or its device is lost or fails its self-check",
    504: "The request was not finished in time",
}

#: Errors if API keys are required.
KEY_ERRORS = {
    401: "No API key, or an invalid one",
    429: "Too many requests or pixels in flight with this key; retry after `Retry-After` seconds",
}


def problem_responses(errors: Mapping[int, str]) -> dict[int | str, dict[str, Any]]:
    """Return the problem documents by status, for the OpenAPI document."""
    content = {PROBLEM_JSON: {"schema": Problem.model_json_schema()}}
    return {status: {"description": text, "content": content} for status, text in errors.items()}


RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The denoised image, with the dtype, range, size and format of the input.",
        "content": {each.media_type: IMAGE_TYPES[each.media_type] for each in WRITABLE}
        | {"application/json": {"schema": DenoiseReport.model_json_schema()}},
        "headers": {name: {"description": text, "schema": {"type": "string"}} for name, text in _HEADERS.items()},
    },
    **problem_responses(ERRORS),
}
