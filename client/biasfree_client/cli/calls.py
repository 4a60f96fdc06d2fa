"""The options of ``denoise`` and ``analyze`` as typed. Those with the name of an option are passed on by it."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from biasfree_client._options import AnalyzeOptions, DenoiseOptions
from biasfree_client.cli.failure import UsageError
from biasfree_client.cli.groups import options_of
from biasfree_client.cli.options import SERVICE, BitDepth


class Color(StrEnum):
    """Colors to convert an image to first."""

    AUTO = "auto"
    GRAY = "gray"
    RGB = "rgb"


class Method(StrEnum):
    """Methods of computing a spectrum."""

    AUTO = "auto"
    DENSE = "dense"
    ITERATIVE = "iterative"


Axes = Annotated[str | None, typer.Option(help="Axes of an NPY array, such as CYX or ZYX (Y, X, C or A, Z).")]
ColorOption = Annotated[Color, typer.Option(help="Convert the image to gray or RGB first.")]
Model = Annotated[
    str | None,
    typer.Option(
        help="Model name, from `biasfree models`, or auto, best or fast. By default (auto), the channels and the noise "
        "of the image decide. With best, white noise gets the best models, and other noise an ensemble of four, at "
        "four times the work; with fast, any noise gets the fast models, at a quarter of it.",
        rich_help_panel=SERVICE,
    ),
]
AnalyzedModel = Annotated[
    str | None,
    typer.Option(
        help="Model name, from `biasfree models`. By default gray or color, by the image's channels.",
        rich_help_panel=SERVICE,
    ),
]


@dataclass(frozen=True)
class DenoiseCall:
    """The options of ``denoise``, explained in its ``--help``."""

    strength: Annotated[float, typer.Option(min=0, max=1, help="From 0, the input, to 1, fully denoised.")] = 1.0
    chroma_strength: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Strength for color noise; --strength then applies to luminance only."),
    ] = None
    format: Annotated[
        Literal["png", "jpeg", "webp", "bmp", "tiff", "npy", "avif", "pnm", "fits"] | None,
        typer.Option(
            help="Format of the results. Defaults to the output file's, then to the image's, then to PNG or TIFF."
        ),
    ] = None
    quality: Annotated[int | None, typer.Option(min=1, max=100, help="Quality of a JPEG, an AVIF or a lossy WebP.")] = (
        None
    )
    bits: Annotated[
        Literal["8", "16"] | None, typer.Option(help="Bits per sample of the results. Defaults to those of the image.")
    ] = None
    ensemble: Annotated[
        Literal["1", "2", "4", "8"] | None,
        typer.Option(help="Mean over this many orientations of the image: better, and as many times slower."),
    ] = None
    estimate: Annotated[
        bool,
        typer.Option(
            "--estimate", help="Estimate the noise (level and kind) and the result's PSNR; takes twice as long."
        ),
    ] = False
    residual: Annotated[
        bool, typer.Option("--residual", help="Write the removed noise instead of the denoised image.")
    ] = False
    color: ColorOption = Color.AUTO
    bit_depth: BitDepth = None
    axes: Axes = None
    model: Model = None

    @property
    def options(self) -> DenoiseOptions:
        """Return the options of the call."""
        return {
            **options_of(self, DenoiseOptions),
            "bits": int(self.bits) if self.bits else None,
            "ensemble": int(self.ensemble) if self.ensemble else None,
            "output": "residual" if self.residual else None,
            "color": _color(self.color),
        }


@dataclass(frozen=True)
class AnalyzeCall:
    """The options of ``analyze``, explained in its ``--help``."""

    x: Annotated[int | None, typer.Option(min=0, help="Left column of the patch; by default centered.")] = None
    y: Annotated[int | None, typer.Option(min=0, help="Top row of the patch; by default centered.")] = None
    size: Annotated[
        int | None, typer.Option(min=1, help="Side of the patch; by default 40, or the image's side if smaller.")
    ] = None
    k: Annotated[int | None, typer.Option("-k", min=1, help="Singular vectors from each end. Defaults to 8.")] = None
    method: Annotated[Method, typer.Option(help="Dense: the whole spectrum; iterative: its upper end.")] = Method.AUTO
    pixel: Annotated[
        list[str] | None, typer.Option(metavar="X,Y", help="Pixel whose equivalent filter to return; repeatable.")
    ] = None
    clean: Annotated[Path | None, typer.Option(help="The same image without noise, if known.")] = None
    probes: Annotated[int, typer.Option(min=0, help="Random vectors for estimates over the whole image.")] = 0
    frame: Annotated[int, typer.Option(min=0, help="Page of a stack, counted from 0.")] = 0
    color: ColorOption = Color.AUTO
    bit_depth: BitDepth = None
    axes: Axes = None
    model: AnalyzedModel = None

    @property
    def options(self) -> AnalyzeOptions:
        """Return the options of the call.

        Raises:
            UsageError: A pixel is no pair of numbers.
        """
        return {
            **options_of(self, AnalyzeOptions),
            "pixels": [_pixel(text) for text in self.pixel or ()],
            "color": _color(self.color),
        }


def _color(color: Color) -> str | None:
    return None if color is Color.AUTO else color.value


def _pixel(text: str) -> tuple[int, int]:
    x, comma, y = text.partition(",")
    if not (comma and x.isdecimal() and y.isdecimal()):
        raise UsageError(f"--pixel must be X,Y such as 128,96, not {text}")
    return int(x), int(y)
