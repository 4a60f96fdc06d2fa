"""What ``/analyze`` takes and gives, for validation and for the OpenAPI document."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from service.analysis.analyst import MAX_PROBES
from service.analysis.document import AnalysisDocument
from service.analysis.task import Output
from service.http.body import JsonImages
from service.routes.denoise_schemas import ERRORS, IMAGE_TYPES, problem_responses

FORMATS: Mapping[str, Output] = {"json": Output.JSON, "npz": Output.NPZ, "png": Output.PNG}


def _pixel(text: str) -> str:
    if not re.fullmatch(r"\d{1,9},\d{1,9}", text):
        raise ValueError("expected x,y: column and row of a pixel, counted from 0")
    return text


PixelText = Annotated[str, AfterValidator(_pixel)]


class AnalyzeQuery(BaseModel):
    """Query parameters of ``/analyze``."""

    model_config = ConfigDict(extra="forbid")

    x: int | None = Field(default=None, ge=0, description="Column of the patch's left edge; without it, centred.")
    y: int | None = Field(default=None, ge=0, description="Row of the patch's top edge; without it, centred.")
    size: int | None = Field(
        default=None, ge=1, description="Side of the patch; by default 40, or what the image has.", examples=[40]
    )
    k: int | None = Field(
        default=None,
        ge=1,
        description="Singular vectors to return from each end of the spectrum; by default 8, or what the patch has.",
        examples=[8],
    )
    method: Literal["auto", "dense", "iterative"] = Field(
        default="auto",
        description="`dense`: the whole spectrum, up to 4096 values (64 x 64 gray). `iterative`: the k largest "
        "singular values of larger patches, the rest estimated. `auto`: dense where it can be.",
    )
    pixel: list[PixelText] = Field(
        default=[],
        description="`x,y` in the image: its equivalent filter is returned. Repeatable.",
        examples=[["128,96"]],
    )
    probes: int = Field(
        default=0,
        ge=0,
        le=MAX_PROBES,
        description="Random vectors for estimates over the whole image; each costs a pass over it. 0 for none.",
    )
    frame: int = Field(default=0, ge=0, description="Page of a stack.")
    model: str | None = Field(default=None, description="Name of a model, see `/models`.", examples=["gray"])
    color: Literal["auto", "gray", "rgb"] = Field(
        default="auto",
        description="Convert first. `gray` also reads every three-dimensional NPY array as a stack of gray images.",
    )
    bit_depth: int | None = Field(
        default=None, ge=1, le=32, description="Significant bits: what white is for the noise level."
    )
    format: Literal["auto", "json", "npz", "png"] = Field(
        default="auto", description="Form of the answer; `auto` follows `Accept`."
    )

    @property
    def pixels(self) -> tuple[tuple[int, int], ...]:
        """``pixel`` as pairs (x, y)."""
        pairs = (each.split(",") for each in self.pixel)
        return tuple((int(x), int(y)) for x, y in pairs)


_FILE = {"type": "string", "format": "binary"}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "An image as for `/denoise`, and where it is known the same image without noise, for "
        "`signal_preserved`.",
        "content": {
            **IMAGE_TYPES,
            "multipart/form-data": {
                "schema": {"type": "object", "required": ["image"], "properties": {"image": _FILE, "clean": _FILE}}
            },
            "application/json": {"schema": JsonImages.model_json_schema()},
        },
    }
}
_HEADERS = {
    "X-Request-Id": "The id in the log; the one sent, if any.",
    "X-Model": "Name, version and SHA-256 of the model file.",
    "Server-Timing": "Milliseconds of decode, and of the analysis with its waiting.",
}
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "What was found: as JSON with small pictures, as NumPy arrays (NPZ), or as one figure.",
        "content": {
            Output.JSON: {"schema": AnalysisDocument.model_json_schema(ref_template="#/components/schemas/{model}")},
            Output.NPZ: {"schema": _FILE},
            Output.PNG: {"schema": _FILE},
        },
        "headers": {name: {"description": text, "schema": {"type": "string"}} for name, text in _HEADERS.items()},
    },
    **problem_responses(
        ERRORS
        | {
            422: "A parameter is invalid, the patch or a pixel is out of bounds, or a pixel is not finite",
            429: "Too many analyses wait; `Retry-After` says when to come again",
            500: "The analysis process died, most likely for want of memory",
        }
    ),
}
