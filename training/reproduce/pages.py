"""The pages of ``reproduce``: what they are requested with, and their tables, numbers and figures."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from biasfree.artifact import Artifact
from training.evaluate.model_file import model_file
from training.reproduce.page_names import PageName

#: Resolution of the figures, dots per inch.
DPI = 120
#: Wider than any terminal, to measure how wide a table would like to be.
UNBOUNDED = 10_000
#: Colors of the figures.
BLUE, RED, LIGHT, GRAY = "#2166ac", "#b2182b", "#c3ccd5", "#8c96a0"


@dataclass(frozen=True)
class Request:
    """The input of a page.

    Attributes:
        images: Folder of clean photographs to measure on.
        output: Folder to write to. Networks trained for a page are kept in it and not trained again.
        model: Model to analyze: a file, or the name of a shipped model; the shipped gray model if None.
        train_on: Folder of photographs to train small networks on.
        count: Number of photographs, taken in the order of their names.
        side: P, the side of the patch in the middle of each photograph.
    """

    images: Path
    output: Path
    model: str | Path | None = None
    train_on: Path | None = None
    count: int = 10
    side: int = 40

    def artifact(self) -> Artifact:
        """Load the model to analyze.

        Raises:
            ValueError: There is no such model, or the file is not a model.
        """
        return Artifact.load(model_file(self.model or "gray"))

    def photographs_to_train_on(self) -> Path:
        """Return ``train_on``.

        Raises:
            ValueError: It is None.
        """
        if self.train_on is None:
            raise ValueError("this page trains small networks: name a folder of photographs with --train-on")
        return self.train_on


@dataclass(frozen=True)
class Sheet:
    """A table of text cells that can be printed and written."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def table(self) -> Table:
        """Return the table for the terminal."""
        result = Table(*self.head, title=self.title)
        for row in self.rows:
            result.add_row(*row)
        return result

    def show(self, console: Console) -> None:
        """Print a table if it fits the terminal's width, otherwise Markdown, whose cells are never cut."""
        table = self.table()
        needed = console.measure(table, options=console.options.update(max_width=UNBOUNDED)).maximum
        if needed <= console.width:
            console.print(table)
        else:
            console.print(self.markdown(), markup=False, highlight=False, soft_wrap=True)

    def markdown(self) -> str:
        """Return the table as Markdown, with its title."""
        lines = [self.head, ("---",) * len(self.head), *self.rows]
        return f"**{self.title}**\n\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)


@dataclass(frozen=True)
class Page:
    """Tables, numbers and figures of one part of ``reproduce``.

    Attributes:
        name: Name of its files.
        title: Heading of the page.
        sheets: The tables.
        facts: All numbers, for JSON.
        figures: File name without suffix -> figure.
    """

    name: str
    title: str
    sheets: Sequence[Sheet]
    facts: Mapping[str, Any]
    figures: Mapping[str, Figure]

    def write(self, output: Path) -> None:
        """Write ``name.md``, ``name.json`` and a PNG per figure into a folder, which is created if missing."""
        output.mkdir(parents=True, exist_ok=True)
        (output / f"{self.name}.md").write_text(self.markdown())
        (output / f"{self.name}.json").write_text(json.dumps(_json_value(self.facts), allow_nan=False) + "\n")
        self._draw(self.figures, output)

    def renew(self, documents: Path) -> None:
        """Replace the tables that the Markdown files of a folder have, by their titles, and the figures in its images.

        Args:
            documents: The folder, for example ``docs``; its figures are in ``images``.
        """
        for path in documents.rglob("*.md"):
            before = after = path.read_text()
            for sheet in self.sheets:
                old = re.compile(re.escape(f"**{sheet.title}**\n\n") + r"(\|.*\n)+")
                after = old.sub(sheet.markdown().replace("\\", r"\\"), after)
            if after != before:
                path.write_text(after)
        images = documents / "images"
        self._draw({name: each for name, each in self.figures.items() if (images / f"{name}.png").is_file()}, images)

    @staticmethod
    def _draw(figures: Mapping[str, Figure], folder: Path) -> None:
        for name, figure in figures.items():
            figure.savefig(folder / f"{name}.png", dpi=DPI)

    def markdown(self) -> str:
        """Return the title and the tables as Markdown."""
        return "\n".join([f"# {self.title}\n", *(sheet.markdown() for sheet in self.sheets)])


def reproduce(name: PageName, request: Request, console: Console, *, documents: Path | None = None) -> None:
    """Make one page or all of them: print the tables, and write tables, numbers and figures.

    Args:
        name: The page.
        request: Its input.
        console: Where the tables are printed.
        documents: Folder of documents whose tables and figures are replaced; None for none.

    Raises:
        ValueError: Model, photographs or sizes do not fit together.
    """
    names = [each for each in PageName if each is not PageName.ALL] if name is PageName.ALL else [name]
    modules = {each: import_module(f"training.reproduce.{each}") for each in names}
    for each, module in modules.items():
        least = getattr(module, "LEAST_SIDE", 1)
        if request.side < least:
            raise ValueError(f"the page {each} needs patches of at least {least} x {least} pixels: use --size {least}")
    for each, module in modules.items():
        with console.status(each):
            page: Page = module.page(request)
        page.write(request.output)
        if documents is not None:
            page.renew(documents)
        for sheet in page.sheets:
            sheet.show(console)


def plain(axes: Axes) -> None:
    """Remove the box around a plot and add a grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, alpha=0.3)


def _json_value(value: Any) -> Any:
    """Convert to JSON types; floats keep seven significant digits, the precision of float32."""
    if isinstance(value, Mapping):
        return {str(name): _json_value(each) for name, each in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _json_value(value.tolist())
    if isinstance(value, list | tuple):
        return [_json_value(each) for each in value]
    return float(f"{value:.7g}") if isinstance(value, float) else value
