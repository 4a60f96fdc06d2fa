"""Commands that make the paper's results again."""

from pathlib import Path
from typing import Annotated

import typer

from training.reproduce.page_names import PageName


def reproduce(
    page: Annotated[PageName, typer.Argument(help="A page, or all of them.")],
    *,
    images: Annotated[Path, typer.Option(help="Folder of clean photographs to measure on.")],
    output: Annotated[Path, typer.Option(help="Folder for tables, numbers and figures.")],
    train_on: Annotated[
        Path | None,
        typer.Option(help="Folder of photographs to train small networks on, for generalisation, bias and layers."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="Model to analyze: a file, or name of a shipped model; defaults to the shipped gray model."),
    ] = None,
    count: Annotated[
        int, typer.Option(help="Number of photographs to measure, in the order of their names.", min=1)
    ] = 10,
    size: Annotated[
        int, typer.Option(help="Side in pixels of the patch in the middle of each photograph.", min=4)
    ] = 40,
    documents: Annotated[
        Path | None,
        typer.Option(help="Folder of documents whose tables and figures of this page are replaced."),
    ] = None,
) -> None:
    """Repeat the measurements of the paper and the report, and print the numbers beside theirs."""
    from rich.console import Console

    from training.reproduce.pages import Request
    from training.reproduce.pages import reproduce as make

    request = Request(images=images, output=output, model=model, train_on=train_on, count=count, side=size)
    make(page, request, Console(), documents=documents)


def analysis_figure(
    *,
    output: Annotated[Path, typer.Option(help="PNG file to write.")],
) -> None:
    """Draw the documentation's example of an analysis: a noisy cat's eye and the shipped gray model."""
    from training.reproduce.analysis_figure import draw_analysis_figure

    draw_analysis_figure(output)
