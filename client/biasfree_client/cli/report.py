"""The reports of a run over many images: a progress bar for people, JSON lines for programs."""

import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

Status = Literal["done", "skipped", "failed"]


@dataclass(frozen=True)
class Outcome:
    """The outcome for one image.

    Args:
        source: Path of the image.
        target: Path of its result.
        status: ``done``, ``skipped`` because the result existed, or ``failed``.
        note: The findings or the error, for people.
        facts: Further members of the JSON object, for programs.
        error: The error of a failed image.
    """

    source: Path
    target: Path
    status: Status
    note: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    error: Exception | None = None

    def as_json(self) -> str:
        """Return the outcome as one line of JSON."""
        named = {"input": str(self.source), "output": str(self.target), "status": self.status}
        return json.dumps({**named, **self.facts}, allow_nan=False)


class Report(Protocol):
    """A receiver of outcomes."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def expect(self, count: int) -> None:
        """Add to the number of images to process."""

    def tell(self, outcome: Outcome) -> None:
        """Report the outcome for one image."""


class JsonLines:
    """A report as one JSON object per line on standard output, each as soon as it is known."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def expect(self, count: int) -> None:
        """Ignore the number: programs count for themselves."""

    def tell(self, outcome: Outcome) -> None:
        """Print one line."""
        sys.stdout.write(outcome.as_json() + "\n")
        sys.stdout.flush()


class RateColumn(ProgressColumn):
    """A column with the images per second."""

    def render(self, task: Task) -> Text:
        """Return a text such as ``12.3 images/s``."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f} images/s", style="cyan")


class Bar:
    """A report for people: failures and a summary on standard error; on a terminal also a progress bar.

    Args:
        verb: The past participle of what is done to the images.
        console: Where to print. Defaults to standard error.
    """

    def __init__(self, verb: str, *, console: Console | None = None) -> None:
        self._verb = verb
        self._console = console or Console(stderr=True)
        self._counts: Counter[Status] = Counter()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            RateColumn(),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._progress.add_task(verb, total=0)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
        counts = self._counts
        if error is not None and not counts:
            return
        parts = [f"{counts['done']} {self._verb}"]
        parts += [f"{counts[each]} {text}" for each, text in _ENDS.items() if counts[each]]
        self._console.print(", ".join(parts), highlight=False)

    def expect(self, count: int) -> None:
        """Lengthen the bar."""
        total = (self._progress.tasks[self._task].total or 0) + count
        self._progress.update(self._task, total=total)

    def tell(self, outcome: Outcome) -> None:
        """Count the outcome, and print its note if it has one."""
        self._counts[outcome.status] += 1
        if outcome.status != "skipped":
            self._progress.advance(self._task)
        if outcome.note:
            style = "red" if outcome.status == "failed" else "default"
            line = f"[{style}]{escape(str(outcome.source))}: {escape(outcome.note)}[/{style}]"
            self._console.print(line, highlight=False, soft_wrap=True)


_ENDS: dict[Status, str] = {"skipped": "skipped (result exists)", "failed": "failed"}


def report(verb: str, *, as_json: bool) -> Report:
    """Create the report for programs or for people."""
    return JsonLines() if as_json else Bar(verb)
