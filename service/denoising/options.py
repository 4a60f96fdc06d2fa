"""The options of ``/denoise``."""

from typing import Annotated, Literal

from pydantic import Field

from biasfree import options

#: Options that ``/analyze`` has as well.
Color = Annotated[
    Literal["auto", "gray", "rgb"],
    Field(
        description="Convert the image first. `axes=ZYX` reads a three-dimensional NPY array as a stack of gray images."
    ),
]
Axes = Annotated[
    str | None,
    Field(
        min_length=2,
        max_length=4,
        description="Axes of an NPY array: `Y` and `X`, one of `C` (channels) and `A` (channels, the last is alpha), "
        "and `Z` for a stack. Required if the shape is ambiguous.",
        examples=["CYX"],
    ),
]


class DenoiseOptions(options.DenoiseOptions):
    """The options of ``/denoise``."""

    format: Literal["auto", "png", "jpeg", "webp", "bmp", "tiff", "npy", "avif", "pnm", "fits"] = Field(
        default="auto",
        description="Format of the answer. `auto` follows `Accept`, then the input's format; if that cannot be "
        "written, the answer is PNG, or TIFF where PNG cannot hold it.",
    )
    quality: int | None = Field(
        default=None,
        ge=1,
        le=100,
        description="Quality of a JPEG (by default 95), an AVIF (90), or a WebP, which is lossless without it. "
        "Lossless formats ignore it.",
    )
    bits: Annotated[Literal[8, 16] | None, options.FROM_TEXT] = Field(
        default=None,
        description="Bits per sample of the answer to an 8- or 16-bit image, by default those of the image. "
        "With `bit_depth`, white is the largest value of that depth.",
    )
    color: Color = "auto"
    axes: Axes = None
    model: str | None = Field(
        default=None,
        description="Name of a model, see `/models`. By default, or with `auto`, chosen automatically for each image; "
        "with `best`, white noise gets the best models, at four times the work; with `fast`, any noise gets the fast "
        "ones, at a quarter of it.",
        examples=["gray"],
    )
