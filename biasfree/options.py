"""The denoising options that do not depend on the service."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.fields import FieldInfo


def _number(value: Any) -> Any:
    """Convert the text of a query; a ``Literal`` compares without converting."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


#: For a ``Literal`` of numbers that may come as text.
FROM_TEXT = BeforeValidator(_number)
#: The ends of a range of numbers, and pydantic's errors beyond them.
_ENDS, _OUT_OF_RANGE = ("ge", "le"), frozenset({"greater_than_equal", "less_than_equal"})
EnsembleSize = Literal[1, 2, 4, 8]


class DenoiseOptions(BaseModel):
    """Options for denoising an image and for the result to return."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    strength: float = Field(
        default=1,
        ge=0,
        le=1,
        description="Blend: 0 returns the input, 1 the network's output. In color it applies to the luminance.",
        examples=[0.8],
    )
    chroma_strength: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Blend of the color differences; defaults to `strength`. Has an effect on three channels only.",
        examples=[1],
    )
    output: Literal["image", "residual"] = Field(
        default="image",
        description="The denoised image, or the residual (for unsigned integers centered on the middle of the range).",
    )
    bit_depth: int | None = Field(
        default=None, ge=1, le=32, description="Significant bits, e.g. 12 for 12-bit data in 16-bit integers."
    )
    ensemble: Annotated[EnsembleSize, FROM_TEXT] = Field(
        default=1,
        description="Mean over this many orientations of the image: better, and as many times slower. Networks only.",
    )
    estimate: bool = Field(
        default=False,
        description="Estimate the level and kind of the noise, and the PSNR of the result. Requires a second pass.",
    )

    def strengths(self, channels: int) -> tuple[float, float]:
        """Return the strengths of luminance and color differences in an image of ``channels`` channels."""
        chroma = self.strength if self.chroma_strength is None or channels != 3 else self.chroma_strength
        return self.strength, chroma

    def changes_nothing(self, channels: int) -> bool:
        """Tell whether the result is the image of ``channels`` channels itself, so that no pass is needed."""
        return not self.estimate and self.output == "image" and not any(self.strengths(channels))


def allowed_range(info: FieldInfo) -> str | None:
    """Describe the numbers that an option takes, such as ``from 0 to 1``; None if it has no such bounds."""
    least, most = (next((getattr(each, end) for each in info.metadata if hasattr(each, end)), None) for end in _ENDS)
    if least is None:
        return None if most is None else f"at most {most}"
    return f"at least {least}" if most is None else f"from {least} to {most}"


def what_is_wrong(error: Mapping[str, Any], info: FieldInfo | None) -> str:
    """Describe an error that pydantic found in an option; NaN and infinity are out of its range too."""
    allowed = allowed_range(info) if info and error["type"] in _OUT_OF_RANGE else None
    return str(error["msg"]) if allowed is None else f"must be {allowed}"


def suggestion(name: str, known: Sequence[str]) -> str:
    """Suggest the known name that was probably meant, or else all of them."""
    likely = get_close_matches(name, known, n=1)
    return f"did you mean {likely[0]!r}?" if likely else f"use any of {', '.join(known)}"
