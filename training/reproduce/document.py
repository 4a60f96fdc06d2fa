"""What one part of ``reproduce`` comes to."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from training.reproduce.sheet import Sheet

DPI = 120


@dataclass(frozen=True)
class Page:
    """Tables, numbers and figures.

    Attributes:
        name: Of its files.
        title: Of the page.
        sheets: The tables.
        facts: All numbers, for JSON.
        figures: Name of the file, without suffix -> figure.
    """

    name: str
    title: str
    sheets: Sequence[Sheet]
    facts: Mapping[str, Any]
    figures: Mapping[str, Figure]

    def write(self, output: Path) -> None:
        """Write ``name.md``, ``name.json`` and a PNG for each figure into a folder, made if it is not there."""
        output.mkdir(parents=True, exist_ok=True)
        (output / f"{self.name}.md").write_text(self.markdown())
        (output / f"{self.name}.json").write_text(json.dumps(_plain(self.facts), allow_nan=False) + "\n")
        for name, figure in self.figures.items():
            figure.savefig(output / f"{name}.png", dpi=DPI)

    def markdown(self) -> str:
        """The tables as a page."""
        return "\n".join([f"# {self.title}\n", *(sheet.markdown() for sheet in self.sheets)])


def _plain(value: Any) -> Any:
    """What JSON knows; floats to seven significant digits, as float32 has no more."""
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return float(f"{value:.7g}") if isinstance(value, float) else value
