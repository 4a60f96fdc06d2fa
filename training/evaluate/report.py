"""An evaluation as Markdown, as JSON, and as a table for the terminal."""

import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from rich.console import Group
from rich.table import Table

from training.evaluate.scores import Score

#: Label of the row with the noisy images themselves.
INPUT_LABEL = "noisy input"
#: Number of levels that fit side by side in eighty columns.
LEVELS = 9
RULES = (
    "PSNR (data range 1) and SSIM are means over images. Images are in [0, 1], the Gaussian noise has fixed seeds and "
    "is not clipped, and the output is clamped to [0, 1] but not rounded. Sigma is on the 0-255 scale."
)


@dataclass(frozen=True)
class Row:
    """The scores of one denoiser, and the noise range of its training, if known."""

    label: str
    scores: tuple[Score, ...]
    trained_sigmas_255: tuple[float, float] | None = None


@dataclass(frozen=True)
class Report:
    """An evaluation of denoisers on ``count`` images of the set ``images``, all at the same noise levels."""

    images: str
    count: int
    rows: tuple[Row, ...]

    @property
    def sigmas_255(self) -> tuple[float, ...]:
        """Return the noise levels, 0-255 scale."""
        return tuple(score.sigma_255 for score in self.rows[0].scores)

    def markdown(self) -> str:
        """Return a page with a table of PSNR and one of SSIM."""
        return f"# {self.images}, {self.count} images\n\n{RULES}\n\n{self.tables()}"

    def tables(self) -> str:
        """Return both tables as Markdown."""
        psnr = _markdown_table("PSNR, dB", self.sigmas_255, ((row.label, _psnr_cells(row)) for row in self.rows))
        ssim = _markdown_table("SSIM", self.sigmas_255, ((row.label, _ssim_cells(row)) for row in self.rows))
        return f"{psnr}\n{ssim}"

    def json(self) -> str:
        """Return all numbers as JSON; an infinite PSNR, which JSON cannot express, is null."""
        denoisers = [
            {"label": row.label, "trained_sigmas_255": row.trained_sigmas_255, "scores": [*map(_facts, row.scores)]}
            for row in self.rows
        ]
        notes = [RULES, "psnr_db is null if it is infinite: the result equals the clean image."]
        facts = {"images": self.images, "count": self.count, "notes": notes, "denoisers": denoisers}
        return json.dumps(facts, indent=2, allow_nan=False) + "\n"

    def table(self) -> Group:
        """Return PSNR and SSIM for the terminal, one row per denoiser, since columns would not fit."""
        return Group(
            *self._tables("PSNR in dB", lambda score: f"{score.psnr_db:.2f}"),
            *self._tables("SSIM", lambda score: f"{score.ssim:.3f}"),
        )

    def _tables(self, measure: str, cell: Callable[[Score], str]) -> Iterator[Table]:
        for start in range(0, len(self.sigmas_255), LEVELS):
            levels = slice(start, start + LEVELS)
            table = Table(title=f"{self.images}: {measure}", box=None, padding=(0, 0, 0, 1))
            table.add_column("sigma", no_wrap=True)
            for sigma_255 in self.sigmas_255[levels]:
                table.add_column(f"{sigma_255:g}", justify="right", no_wrap=True)
            for row in self.rows:
                table.add_row(row.label, *map(cell, row.scores[levels]))
            yield table


def _facts(score: Score) -> dict[str, float | None]:
    return {**vars(score), "psnr_db": score.psnr_db if math.isfinite(score.psnr_db) else None}


def _psnr_cells(row: Row) -> list[str]:
    return [f"{score.psnr_db:.2f}" for score in row.scores]


def _ssim_cells(row: Row) -> list[str]:
    return [f"{score.ssim:.4f}" for score in row.scores]


def _markdown_table(title: str, sigmas_255: Iterable[float], rows: Iterable[tuple[str, list[str]]]) -> str:
    head = [f"{title} at sigma", *(f"{sigma:g}" for sigma in sigmas_255)]
    lines = [head, ["---"] * len(head), *([label, *cells] for label, cells in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
