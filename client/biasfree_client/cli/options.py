"""The options that several commands share, and the options of a call as the command line gives them."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar, cast

import typer

OptionsT = TypeVar("OptionsT")


def options_of(context: typer.Context, declared: type[OptionsT]) -> OptionsT:
    """Return the parameters of a command that have the names of a call's options.

    Args:
        context: The running command.
        declared: ``DenoiseOptions`` or ``AnalyzeOptions``.
    """
    found = {name: value for name, value in context.params.items() if name in declared.__annotations__}
    return cast("OptionsT", found)


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


SERVICE = "The service"

Inputs = Annotated[
    list[str], typer.Argument(metavar="IN", help="Image files, folders, or patterns such as 'photos/*.png'.")
]
Recursive = Annotated[bool, typer.Option("--recursive", "-r", help="Search subfolders too, each once.")]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace existing results; links and devices are never replaced.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but failures.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", "-n", help="Print which results would be written, and write nothing.")
]
NameTemplate = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="TEMPLATE",
        help="Name of each result, such as '{stem}-clean{suffix}': stem and suffix of the image.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs: one object per line.")]
Axes = Annotated[str | None, typer.Option(help="Axes of an NPY array, such as CYX or ZYX (Y, X, C or A, Z).")]
BitDepth = Annotated[
    int | None,
    typer.Option(
        min=1, max=32, help="Bits per sample in use, so that white is 2^n - 1: 12 for 12-bit data in 16-bit files."
    ),
]
Url = Annotated[
    str | None,
    typer.Option(
        envvar="BIASFREE_URL",
        help="Address of the service. Defaults to port 8000 on this machine.",
        rich_help_panel=SERVICE,
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option(min=0.001, help="Seconds to wait for an answer. Defaults to 310.", rich_help_panel=SERVICE),
]
Model = Annotated[
    str | None,
    typer.Option(
        help="Model name, from `biasfree models`. By default chosen by the image's channels.", rich_help_panel=SERVICE
    ),
]
ColorOption = Annotated[Color, typer.Option(help="Convert the image to gray or RGB first.")]
OutputFolder = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="DIR|FILE",
        help="Folder for the results, created if needed; for a single image, also a file. By default, results lie "
        "beside their images.",
    ),
]
AnyFile = Annotated[Path, typer.Argument(metavar="FILE", help="An image file.")]
