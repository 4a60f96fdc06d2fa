"""Commands that fetch image sets and name their authors."""

from pathlib import Path
from typing import Annotated

import typer


def get_data(
    sets: Annotated[list[str] | None, typer.Argument(help="Names of image sets; defaults to all.")] = None,
    *,
    output: Annotated[Path, typer.Option(help="Target folder; each set becomes a subfolder.")] = Path("data"),
    list_sets: Annotated[bool, typer.Option("--list", help="List the sets, their sources and terms of use.")] = False,
) -> None:
    """Download public image sets and verify their published checksums.

    If nobody publishes a checksum, that of the first download is recorded, and later downloads must match it. The
    photographs of the set photos are scaled down; the exit status is 2 if any of them is missing.
    """
    from rich.console import Console

    from training.data import get_data

    if list_sets:
        Console().print(get_data.list_sets())
    else:
        get_data.get_data(sets or [], output, console=Console())


def attribution(
    *,
    output: Annotated[Path, typer.Option(help="Markdown file to write.")],
) -> None:
    """Write a page with the authors and licenses of the photographs in the set photos."""
    from training.data.attribution import attribution as page

    output.write_text(page(), encoding="utf-8")
