"""What a run over many images says: a bar for people, lines of JSON for programs."""

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
    """What became of one image.

    Args:
        source: The image.
        target: Its result.
        status: ``done``, ``skipped`` because the result was there, or ``failed``.
        note: For people: what was found, or what went wrong.
        facts: For programs, beside those above.
        error: What it failed with.
    """

    source: Path
    target: Path
    status: Status
    note: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    error: Exception | None = None

    def as_json(self) -> str:
        """One line."""
        named = {"input": str(self.source), "output": str(self.target), "status": self.status}
        return json.dumps({**named, **self.facts}, allow_nan=False)


class Report(Protocol):
    """Told of every image."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def expect(self, count: int) -> None:
        """So many images are to be worked on."""

    def tell(self, outcome: Outcome) -> None:
        """One of them, or a skipped one, is over."""


class JsonLines:
    """An object a line on standard output, each as soon as it is known."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def expect(self, count: int) -> None:
        """Nothing: a program counts for itself."""

    def tell(self, outcome: Outcome) -> None:
        """One line."""
        sys.stdout.write(outcome.as_json() + "\n")
        sys.stdout.flush()


class RateColumn(ProgressColumn):
    """Images a second."""

    def render(self, task: Task) -> Text:
        """``12.3 images/s``."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f} images/s", style="cyan")


class Bar:
    """A bar with rate and time left on standard error where that is a terminal; failures and a summary anywhere.

    Args:
        verb: What is done to the images, as a past participle.
        console: Where to show; standard error by default.
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
        """Make the bar longer."""
        total = (self._progress.tasks[self._task].total or 0) + count
        self._progress.update(self._task, total=total)

    def tell(self, outcome: Outcome) -> None:
        """Count it, and print what is worth a line."""
        self._counts[outcome.status] += 1
        if outcome.status != "skipped":
            self._progress.advance(self._task)
        if outcome.note:
            style = "red" if outcome.status == "failed" else "default"
            line = f"[{style}]{escape(str(outcome.source))}: {escape(outcome.note)}[/{style}]"
            self._console.print(line, highlight=False, soft_wrap=True)


_ENDS: dict[Status, str] = {"skipped": "skipped, there already", "failed": "failed"}


def report(verb: str, *, as_json: bool) -> Report:
    """The report that was asked for."""
    return JsonLines() if as_json else Bar(verb)
