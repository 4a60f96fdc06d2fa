"""The options of ``/analyze``."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from service.analysis.task import Output

#: Side of the patch where none is asked for, as in the paper's figures, and singular vectors from each end.
DEFAULT_SIZE, DEFAULT_K = 40, 8
#: Random vectors for the whole image: errors of an eighth of one vector's.
MAX_PROBES = 64
#: Pixels whose equivalent filters may be asked for at once.
MAX_FILTER_PIXELS = 64

FORMATS: Mapping[str, Output] = {"json": Output.JSON, "npz": Output.NPZ, "png": Output.PNG}


def _pixel(text: str) -> str:
    if not re.fullmatch(r"\d{1,9},\d{1,9}", text):
        raise ValueError("expected x,y: column and row of a pixel, counted from 0")
    return text


PixelText = Annotated[str, AfterValidator(_pixel)]


class AnalysisOptions(BaseModel):
    """The options of ``/analyze``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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
        """Return ``pixel`` as pairs (x, y)."""
        pairs = (each.split(",") for each in self.pixel)
        return tuple((int(x), int(y)) for x, y in pairs)
