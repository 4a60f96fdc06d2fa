"""The rows of the results, as Markdown and as JSON."""

import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """A comparison, or a single number.

    Attributes:
        what: Description of the measurement.
        ours: Our number, with its unit.
        other: Number of the other contestant, if there is one.
        ratio: How many times better our number is, if there is another contestant.
        wanted: The target.
    """

    what: str
    ours: str
    other: str = ""
    ratio: float | None = None
    wanted: str = ""


def race(ours: Callable[[], object], other: Callable[[], object], *, rounds: int) -> tuple[float, float, float]:
    """Time two contestants in turns; return the medians of their seconds, and the median of the ratios per round.

    Each runs once before the measurement.
    """
    seconds = [(_seconds(ours), _seconds(other)) for _ in range(rounds + 1)][1:]
    mine, theirs = (statistics.median(column) for column in zip(*seconds, strict=True))
    return mine, theirs, statistics.median(b / a for a, b in seconds)


def write(folder: Path, name: str, rows: Sequence[Row], machine: Mapping[str, str], *, by: str = "make bench") -> str:
    """Write ``name.json`` and ``name.md``, which names the command it is ``by``, and return the latter."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {"machine": dict(machine), "rows": [asdict(row) for row in rows]}
    (folder / f"{name}.json").write_text(json.dumps(document, indent=2) + "\n")
    lines = ["| measurement | ours | other | ratio | wanted |", "|---|---|---|---|---|"]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        lines.append(f"| {row.what} | {row.ours} | {row.other} | {ratio} | {row.wanted} |")
    facts = ", ".join(f"{key} {value}" for key, value in machine.items())
    text = "\n".join([*lines, "", f"Measured by `{by}` on: {facts}.", ""])
    (folder / f"{name}.md").write_text(text)
    return text


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
