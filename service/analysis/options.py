"""The options of ``/analyze``."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from service.analysis.task import Output
from service.denoising.options import Axes, Color

#: Default side of the patch, as in the paper's figures, and default number of singular vectors from each end.
DEFAULT_SIZE, DEFAULT_K = 40, 8
#: Random vectors for the whole image: 64 reduce the standard error to an eighth of that of one vector.
MAX_PROBES = 64
#: Maximum number of pixels whose equivalent filters may be requested at once.
MAX_FILTER_PIXELS = 64

FORMATS: Mapping[str, Output] = {"json": Output.JSON, "npz": Output.NPZ, "png": Output.PNG}


def _pixel(text: str) -> str:
    if not re.fullmatch(r"\d{1,9},\d{1,9}", text):
        raise ValueError("must be x,y: column and row of a pixel, counted from 0")
    return text


PixelText = Annotated[str, AfterValidator(_pixel)]


class AnalysisOptions(BaseModel):
    """The options of ``/analyze``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    x: int | None = Field(
        default=None, ge=0, description="Column of the patch's left edge; by default the patch is centered."
    )
    y: int | None = Field(
        default=None, ge=0, description="Row of the patch's top edge; by default the patch is centered."
    )
    size: int | None = Field(
        default=None,
        ge=1,
        description="Side of the patch; by default 40, or the image's shorter side if that is smaller.",
        examples=[40],
    )
    k: int | None = Field(
        default=None,
        ge=1,
        description="Number of singular vectors to return from each end of the spectrum; by default 8, if there are 8.",
        examples=[8],
    )
    method: Literal["auto", "dense", "iterative"] = Field(
        default="auto",
        description="`dense`: the whole spectrum, up to 4096 values (64 x 64 gray). `iterative`: the k largest "
        "singular values of larger patches, the rest estimated. `auto`: dense if possible.",
    )
    pixel: list[PixelText] = Field(
        default=[],
        description="Pixel `x,y` of the image whose equivalent filter to return. May be repeated.",
        examples=[["128,96"]],
    )
    probes: int = Field(
        default=0,
        ge=0,
        le=MAX_PROBES,
        description="Number of random vectors for estimates over the whole image, each a pass over it; 0 for none.",
    )
    frame: int = Field(default=0, ge=0, description="Frame of a stack, counted from 0.")
    model: str | None = Field(default=None, description="Name of a model, see `/models`.", examples=["gray"])
    color: Color = "auto"
    axes: Axes = None
    bit_depth: int | None = Field(
        default=None, ge=1, le=32, description="Significant bits, which define white for the noise level."
    )
    format: Literal["auto", "json", "npz", "png"] = Field(
        default="auto", description="Format of the answer; `auto` follows `Accept`."
    )

    @property
    def pixels(self) -> tuple[tuple[int, int], ...]:
        """Return ``pixel`` as pairs (x, y)."""
        pairs = (each.split(",") for each in self.pixel)
        return tuple((int(x), int(y)) for x, y in pairs)
