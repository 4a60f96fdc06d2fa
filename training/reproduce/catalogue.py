"""Everything that ``reproduce`` can make again, by name."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from rich.console import Console

from training.reproduce.document import Page
from training.reproduce.figure_names import Figure


@dataclass(frozen=True)
class Request:
    """What a page is made of.

    Attributes:
        images: Folder of clean photographs to measure on.
        output: Folder to write to; networks that are trained for it are kept in it, and not trained again.
        model: The model file that is looked into; the shipped gray one if None.
        train_on: Folder of photographs to train small networks on.
        count: Photographs, the first by name.
        side: P, of the patch in the middle of each.
    """

    images: Path
    output: Path
    model: Path | None = None
    train_on: Path | None = None
    count: int = 10
    side: int = 40

    def photographs_to_train_on(self) -> Path:
        """``train_on``.

        Raises:
            ValueError: There is none.
        """
        if self.train_on is None:
            raise ValueError("expected --train-on, a folder of photographs to train small networks on")
        return self.train_on


def reproduce(figure: Figure, request: Request, console: Console) -> None:
    """Make one page or all of them: print its tables, and write tables, numbers and figures.

    Raises:
        ValueError: Model, photographs or sizes do not fit together.
    """
    names = [each for each in Figure if each is not Figure.ALL] if figure is Figure.ALL else [figure]
    for name in names:
        with console.status(name):
            page: Page = import_module(f"training.reproduce.{name}").page(request)
        page.write(request.output)
        for sheet in page.sheets:
            sheet.show(console)
