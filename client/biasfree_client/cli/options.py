"""Options that several commands have, each said once."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """Formats of an answer."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"
    BMP = "bmp"
    TIFF = "tiff"
    NPY = "npy"


class Color(StrEnum):
    """Colours to convert to first."""

    AUTO = "auto"
    GRAY = "gray"
    RGB = "rgb"


class Method(StrEnum):
    """How a spectrum is computed."""

    AUTO = "auto"
    DENSE = "dense"
    ITERATIVE = "iterative"


SERVICE = "The service"

Inputs = Annotated[
    list[str], typer.Argument(metavar="IN", help="Image files, folders, and patterns such as 'photos/*.png'.")
]
Recursive = Annotated[bool, typer.Option("--recursive", "-r", help="Take the folders below the given ones as well.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Do again, and replace, what is there already.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs: one object a line.")]
BitDepth = Annotated[
    int | None,
    typer.Option(min=1, max=32, help="Bits that are in use: white is 2^n - 1. 12 for 12-bit data in 16-bit files."),
]
Url = Annotated[
    str | None,
    typer.Option(
        envvar="BIASFREE_URL", help="Address of the service; else this machine's port 8000.", rich_help_panel=SERVICE
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option(min=0.001, help="Seconds to wait for an answer; else 310.", rich_help_panel=SERVICE),
]
Model = Annotated[
    str | None,
    typer.Option(help="A model of `biasfree models`; else by the image's channels.", rich_help_panel=SERVICE),
]
ColorOption = Annotated[Color, typer.Option(help="Convert the image first.")]
OutputFolder = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="DIR|FILE",
        help="Folder to write to, made if needed; or the file, of a single image. Else beside the image.",
    ),
]
AnyFile = Annotated[Path, typer.Argument(metavar="FILE", help="An image file.")]
