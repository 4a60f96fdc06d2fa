"""``biasfree analyze``."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from biasfree_client import Analysis, Denoiser
from biasfree_client._save import save
from biasfree_client.cli.failure import UsageError
from biasfree_client.cli.targets import make_room

#: Columns and rows of the spectrum on a terminal; each row is eight steps high.
COLUMNS, ROWS = 64, 8
STEPS = " ▁▂▃▄▅▆▇█"
#: The spectrum on a terminal goes down to this share of its largest value.
FLOOR = 1e-4


def analyze(
    image: str | Path,
    outputs: Sequence[Path],
    denoiser: Denoiser,
    options: Mapping[str, Any],
    *,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Analyse a patch: draw it (``.png``), save its arrays (``.npz``), show the numbers.

    The drawing is the service's own, and an analysis of its own: where it is all that is wanted, it stays the only one.

    Raises:
        UsageError: An output is of another kind.
        FileExistsError: An output is there, and ``overwrite`` is not set.
    """
    _check(outputs, overwrite=overwrite)
    content = sys.stdin.buffer.read() if str(image) == "-" else Path(image).read_bytes()
    drawings = [output for output in outputs if output.suffix.lower() == ".png"]
    for output in drawings:
        make_room(output)
        save(denoiser.figure(content, **options), output, overwrite=overwrite)
    if len(drawings) == len(outputs) > 0 and not as_json:
        return
    analysis = denoiser.analyze(content, **options)
    for output in outputs:
        if output not in drawings:
            make_room(output)
            analysis.save(output, overwrite=overwrite)
    if as_json:
        sys.stdout.write(json.dumps(numbers(analysis), allow_nan=False) + "\n")
    else:
        _show(analysis)


def _check(outputs: Sequence[Path], *, overwrite: bool) -> None:
    """Before the work, for it takes seconds."""
    for output in outputs:
        if output.suffix.lower() not in (".npz", ".png"):
            raise UsageError(f"{output}: expected .png for a drawing or .npz for the arrays")
        if output.exists() and not overwrite:
            raise UsageError(f"{output} is there already; --overwrite replaces it")


def numbers(analysis: Analysis) -> dict[str, Any]:
    """Every single number and word of an analysis, and the spectrum; not the pictures."""
    facts = {name: array.item() for name, array in analysis.arrays.items() if array.ndim == 0}
    return {**facts, "singular_values": analysis.singular_values.tolist(), "timing_ms": dict(analysis.timing)}


def _show(analysis: Analysis) -> None:
    console = Console()
    x, y, width, height = (analysis[f"patch.{name}"].item() for name in ("x", "y", "width", "height"))
    table = Table(show_header=False, box=None, pad_edge=False)
    rows = {
        "patch": f"{width} x {height} at ({x}, {y}), {analysis['patch.channels'].item()} channel(s)",
        "model": "" if analysis.model is None else f"{analysis.model.name} {analysis.model.version}",
        "estimated sigma": f"{analysis.sigma:.2f} (0-255 scale)",
        "effective dimensionality": f"{analysis.effective_dimensionality:.1f} of {analysis.noisy.size}",
        "trace": f"{analysis.trace:.1f}",
        "asymmetry": f"{analysis['asymmetry'].item():.3f}",
        "homogeneity error": f"{analysis['homogeneity_error'].item():.1e}",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    console.print(table, highlight=False)
    console.print(
        f"\n{len(analysis.singular_values)} singular values ({analysis.method}), logarithmic", highlight=False
    )
    for line in spectrum(analysis.singular_values):
        console.print(line, highlight=False, markup=False)


def spectrum(values: np.ndarray[Any, Any], *, columns: int = COLUMNS, rows: int = ROWS) -> list[str]:
    """Singular values as lines of text: index from left to right, logarithm of the value upwards.

    Args:
        values: Falling (K,).
        columns: Width; fewer values than that get a column each.
        rows: Height, between ``FLOOR`` of the largest value and that.
    """
    largest = float(values[0]) or 1.0
    places = np.linspace(0, len(values) - 1, min(columns, len(values))).round().astype(int)
    logs = np.log(np.maximum(values[places] / largest, FLOOR)) / np.log(FLOOR)
    steps = np.rint((1 - logs) * rows * 8).astype(int)
    lines = ["".join(STEPS[min(8, max(0, step - 8 * row))] for step in steps) for row in reversed(range(rows))]
    lines[0] += f"  {largest:.3g}"
    lines[-1] += f"  {largest * FLOOR:.1g}"
    return [*lines, f"1{len(values):>{len(places) - 1}}"]
