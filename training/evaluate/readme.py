"""``readme``: bring the measurements in README.md up to date with the shipped models and docs/quality.md."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

import biasfree
from biasfree.artifact import SHIPPED, Artifact
from biasfree.noise import digits
from training.data.images import read_image
from training.evaluate.metrics import add_noise, psnr_db

#: Cells of a table of Markdown, its heading first.
Table = list[list[str]]
#: First line of the tables, up to what is measured.
_MODELS, _NOISE = "| model | use it for |", "| PSNR, dB | input |"
#: For each row of the second table: number of channels, and the case and the region in docs/quality.md.
_CASES = (
    (3, "polyu (20 pairs)", "all"),
    (3, "JPEG 90", "all"),
    (3, "enlarged by 1.5", "all"),
    (3, "beside black", "8 to 64 px from it"),
    (1, "w2s_widefield (13 pairs)", "all"),
)
#: Noise of the example, 0-255 scale.
_SIGMA_255 = 25


def readme(page: Path, *, quality: Path, image: Path) -> None:
    """Replace the measurements in ``page``; words, and what only a server can answer, stay as they are.

    Args:
        page: README.md, which is rewritten.
        quality: docs/quality.md, which the table of other noise repeats.
        image: Clean gray photograph of the example over HTTP.

    Raises:
        ValueError: A table or a sentence is missing, or a table has other rows than expected.
    """
    text = page.read_text()
    text = _with_table(text, _MODELS, _of_models)
    text = _with_table(text, _NOISE, partial(_of_noise, quality=quality.read_text()))
    page.write_text(_with_example(text, image))


def _place(lines: list[str], head: str) -> slice:
    """Return the place of the first table whose first line begins with ``head``."""
    start = next((index for index, line in enumerate(lines) if line.startswith(head)), None)
    if start is None:
        raise ValueError(f"no table begins with {head}")
    return slice(start, next((index for index in range(start, len(lines)) if not lines[index].startswith("|")), None))


def _table(lines: list[str], head: str) -> Table:
    """Return the cells of that table, without the line below its heading."""
    first, _, *rest = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[_place(lines, head)]]
    return [first, *rest]


def _with_table(text: str, head: str, filled: Callable[[Table], Table]) -> str:
    """Replace the rows of that table by those that ``filled`` makes of its cells."""
    lines = text.split("\n")
    place = _place(lines, head)
    rows = [f"| {' | '.join(row)} |" for row in filled(_table(lines, head))]
    lines[place] = [*lines[place][:2], *rows]
    return "\n".join(lines)


def _of_models(table: Table) -> Table:
    """Fill the rows of shipped models from their cards."""
    head, *rows = table
    shipped = {f"`{path.stem}`": Artifact.load(path).card for path in SHIPPED.glob("*.onnx")}
    if {row[0] for row in rows} != shipped.keys():
        raise ValueError(f"the table must have one row for each of {', '.join(sorted(shipped))}")
    filled = []
    for name, use, *_ in rows:
        card = shipped[name]
        scores = {f"sigma {score.sigma_255:g}": f"{score.psnr_db:.2f}" for score in card.evaluations[0].scores}
        values = scores | {"multiply-adds per pixel": f"{card.macs_per_pixel:,.0f}"}
        filled.append([name, use, *(values[column] for column in head[2:])])
    return filled


def _of_noise(table: Table, quality: str) -> Table:
    """Fill the rows of other noise from the page of measurements; the best value is bold."""
    _, *rows = table
    if len(rows) != len(_CASES):
        raise ValueError(f"the table of other noise must have {len(_CASES)} rows, not {len(rows)}")
    filled = []
    for (words, *_), (channels, case, region) in zip(rows, _CASES, strict=True):
        head, *measured = _table(
            quality.split("\n"), f"| PSNR, dB ({'gray' if channels == 1 else 'color'}) | measured on |"
        )
        row = next((each for each in measured if each[:2] == [case, region]), None)
        if row is None:
            raise ValueError(f"the page of measurements has no row for {case}, {region}")
        values = [row[head.index(name)] for name in ("input", "`gray`" if channels == 1 else "`color`", "`default`")]
        best = max(values, key=float)
        filled.append([words, *(f"**{value}**" if value == best else value for value in values)])
    return filled


def _with_example(text: str, image: Path) -> str:
    """Replace what the answer to the example says of the picture, and the PSNR of its results."""
    clean = read_image(image, channels=1).unit
    noisy = np.rint(np.clip(add_noise(clean, sigma_255=_SIGMA_255, index=0)[..., 0], 0, 1) * 255).astype(np.uint8)

    def measured_db(name: str) -> str:
        denoised = biasfree.load(name).denoise(noisy)
        return f"{psnr_db(clean, (np.asarray(denoised, np.float32) / np.float32(255))[..., None]):.2f}"

    noise = biasfree.load().estimate(noisy)
    gray = Artifact.load(SHIPPED / "gray.onnx")
    for pattern, value in (
        (r"(?<=x-model: gray; )version=\d+; sha256=\w+", f"version={gray.card.version}; sha256={gray.sha256[:8]}"),
        (r"(?<=x-sigma-estimate: )\S+", digits(noise.level)),
        (r"(?<=x-noise: ).*", f'{noise.kind}; level={digits(noise.level)}; ...; description="{noise.description}"'),
        (r"(?<=x-estimated-psnr: )\S+", f"{noise.psnr_db:.2f}"),
        (r"(?<=PSNR of the result is )\d+\.\d+", measured_db("auto")),
        (r"(?<=`model=gray-best` it is )\d+\.\d+", measured_db("gray-best")),
    ):
        text, count = re.subn(pattern, value, text)
        if count != 1:
            raise ValueError(f"the example has {count} places for {pattern}, where one is expected")
    return text
