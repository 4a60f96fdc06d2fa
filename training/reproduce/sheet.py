"""A table that can be printed and written."""

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

#: More columns than any terminal has.
UNBOUNDED = 10_000


@dataclass(frozen=True)
class Sheet:
    """Cells of text below a head."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def table(self) -> Table:
        """For the terminal."""
        result = Table(*self.head, title=self.title)
        for row in self.rows:
            result.add_row(*row)
        return result

    def show(self, console: Console) -> None:
        """Print it: as a table where that fits side by side, elsewhere as Markdown, whose cells are never cut."""
        table = self.table()
        needed = console.measure(table, options=console.options.update(max_width=UNBOUNDED)).maximum
        if needed <= console.width:
            console.print(table)
        else:
            console.print(self.markdown(), markup=False, highlight=False, soft_wrap=True)

    def markdown(self) -> str:
        """For a page."""
        lines = [self.head, ("---",) * len(self.head), *self.rows]
        return f"**{self.title}**\n\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)
