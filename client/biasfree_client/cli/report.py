"""The reports of a run over many images: a progress bar for people, JSON lines for programs."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from biasfree_client._progress import OnProgress
from biasfree_client.cli.failure import UsageError
from biasfree_client.cli.output import emit, has_reader
from biasfree_client.cli.sources import Found, Passed, Reason, Selection

Status = Literal["done", "planned", "skipped", "stale", "older", "failed"]


@dataclass(frozen=True)
class Outcome:
    """The outcome for one image.

    Args:
        source: Path of the image.
        target: Path of its result; None if there can be none.
        status: ``done``, ``planned`` in a dry run, ``skipped`` because the result existed, ``stale`` because it existed
            and was made with other settings, ``older`` because it existed, is older than the image and may be no
            result, or ``failed``.
        note: The findings or the error, for people.
        facts: Further members of the JSON object, for programs.
        error: The error of a failed image.
    """

    source: Path
    target: Path | None
    status: Status
    note: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    error: Exception | None = None

    @property
    def succeeded(self) -> bool:
        """Return whether the image has its result, or will have it."""
        return self.status in ("done", "planned", "skipped")

    def as_json(self) -> str:
        """Return the outcome as one line of JSON."""
        output = None if self.target is None else str(self.target)
        named = {"input": str(self.source), "output": output, "status": self.status}
        return json.dumps({**named, **self.facts}, allow_nan=False)


class Listener(Protocol):
    """A receiver of outcomes."""

    def expect(self, count: int) -> None:
        """Add to the number of images to process."""

    def tell(self, outcome: Outcome) -> None:
        """Report the outcome for one image."""

    def wanted(self) -> bool:
        """Return whether anybody still reads the report."""

    def on_progress(self) -> OnProgress | None:
        """Return a receiver of an image's progress; None if it is not shown."""


class Report(Listener, Protocol):
    """The report of a run."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def pass_over(self, passed: Sequence[Passed]) -> None:
        """Report files that are not worked on."""


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
        emit(outcome.as_json() + "\n")

    def pass_over(self, passed: Sequence[Passed]) -> None:
        """Print a line for each file; subfolders are no files."""
        for each in passed:
            if each.reason != "a folder":
                facts = {"input": str(each.path), "output": None, "status": "passed over", "reason": each.reason}
                emit(json.dumps(facts) + "\n")

    def wanted(self) -> bool:
        """Return whether standard output can still be written to."""
        return has_reader()

    def on_progress(self) -> None:
        """Return None: programs get results."""


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
        quiet: Print nothing but failures.
    """

    def __init__(self, verb: str, *, console: Console | None = None, quiet: bool = False) -> None:
        self._verb = verb
        self._console = console or Console(stderr=True)
        self._quiet = quiet
        self._counts: Counter[Status] = Counter()
        self._again = 0
        self._passed: list[Passed] = []
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            RateColumn(),
            TimeRemainingColumn(),
            TextColumn("left"),
            TextColumn("{task.fields[detail]}"),
            console=self._console,
            disable=quiet or not self._console.is_terminal,
        )
        self._task = self._progress.add_task(verb, total=0, detail="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
        if self._quiet or (error is not None and not self._counts):
            return
        self._console.print(", ".join(self._summary()), highlight=False, markup=False, soft_wrap=True)

    def _summary(self) -> list[str]:
        counts = self._counts
        first = f"{counts['planned']} to be {self._verb}" if counts["planned"] else f"{counts['done']} {self._verb}"
        return [
            first,
            *([f"{self._again} of them again (image newer than its result, which is kept)"] if self._again else []),
            *(f"{counts[each]} {text}" for each, text in _ENDS.items() if counts[each]),
            *described(self._passed),
        ]

    def expect(self, count: int) -> None:
        """Lengthen the bar."""
        total = (self._progress.tasks[self._task].total or 0) + count
        self._progress.update(self._task, total=total)

    def tell(self, outcome: Outcome) -> None:
        """Count the outcome, and print its note if it has one."""
        self._counts[outcome.status] += 1
        self._again += bool(outcome.facts.get("again"))
        if outcome.status == "planned":
            emit(f"{printable(outcome.source)} -> {printable(outcome.target)}\n")
        if outcome.status in ("done", "failed"):
            self._progress.update(self._task, advance=1, detail="")
        if outcome.note and not (self._quiet and outcome.status != "failed"):
            style = "red" if outcome.status == "failed" else "default"
            line = f"[{style}]{escape(printable(outcome.source))}: {escape(printable(outcome.note))}[/{style}]"
            self._console.print(line, highlight=False, soft_wrap=True)

    def pass_over(self, passed: Sequence[Passed]) -> None:
        """Count the files for the summary."""
        self._passed += passed

    def wanted(self) -> bool:
        """Return True: it is for people, on standard error."""
        return True

    def on_progress(self) -> OnProgress | None:
        """Return a receiver that shows the progress of the image behind the bar, on a terminal."""
        if self._quiet or not self._console.is_terminal:
            return None
        return lambda progress: self._progress.update(self._task, detail=str(progress))


_ENDS: dict[Status, str] = {
    "skipped": "skipped (result exists)",
    "stale": "left as they are (made with other settings: use --overwrite, or another --output)",
    "older": "left as they are (files beside newer images, perhaps no results: use --overwrite, or another --output)",
    "failed": "failed",
}
#: Reason -> its words in a summary, for one and for several.
_REASONS: dict[Reason, tuple[str, str]] = {
    "not an image": ("not an image", "not images"),
    "an earlier result": ("earlier result", "earlier results"),
    "hidden": ("hidden file", "hidden files"),
    "not a regular file": ("not a regular file", "not regular files"),
    "a folder": ("subfolder not searched (use --recursive)", "subfolders not searched (use --recursive)"),
}
#: Most suffixes that a summary names.
MOST_SUFFIXES = 5


def described(passed: Iterable[Passed]) -> list[str]:
    """Describe what was passed over, such as ``9 not images: .txt 7, .aae 2``."""
    by_reason: dict[Reason, list[Passed]] = {}
    for each in passed:
        by_reason.setdefault(each.reason, []).append(each)
    parts = []
    for reason, words in _REASONS.items():
        if found := by_reason.get(reason):
            suffixes = f": {_suffixes(found)}" if reason == "not an image" else ""
            parts.append(f"{len(found)} {words[len(found) > 1]}{suffixes}")
    return parts


def no_images(selection: Selection, found: Found) -> UsageError:
    """Return the error of a search without images, with what was found instead."""
    instead = f": {', '.join(described(found.passed))}" if found.passed else ""
    return UsageError(f"{', '.join(selection.inputs)}: no images found{instead}")


def _suffixes(passed: Sequence[Passed]) -> str:
    found = Counter(printable(each.path.suffix.lower()) or "no suffix" for each in passed)
    counts = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    named = [f"{suffix} {count}" for suffix, count in counts[:MOST_SUFFIXES]]
    rest = sum(count for _, count in counts[MOST_SUFFIXES:])
    return ", ".join([*named, f"others {rest}"] if rest else named)


def printable(path: object) -> str:
    """Return the text of a name that may have bytes of another encoding."""
    return str(path).encode("utf-8", "backslashreplace").decode()


def report(verb: str, *, as_json: bool, quiet: bool = False) -> Report:
    """Create the report for programs or for people."""
    return JsonLines() if as_json else Bar(verb, quiet=quiet)
