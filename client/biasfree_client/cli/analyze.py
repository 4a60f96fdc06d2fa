"""The command ``biasfree analyze``."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from biasfree_client import Analysis, Denoiser
from biasfree_client._options import AnalyzeOptions
from biasfree_client._plot import caption, spectrum_text
from biasfree_client._save import save
from biasfree_client.cli.failure import UsageError
from biasfree_client.cli.output import emit
from biasfree_client.cli.room import make_room, require_new


def analyze(
    image: str | Path,
    outputs: Sequence[Path],
    denoiser: Denoiser,
    options: AnalyzeOptions,
    *,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Analyze a patch: draw it (``.png``), save its arrays (``.npz``), show the numbers.

    The service makes the drawing, by a separate analysis. If nothing but drawings is asked for, no other one runs.

    Raises:
        UsageError: An output has another suffix, or exists and ``overwrite`` is not set.
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
        emit(json.dumps(numbers(analysis), allow_nan=False) + "\n")
    else:
        _show(analysis)


def _check(outputs: Sequence[Path], *, overwrite: bool) -> None:
    """Check the outputs before the analysis, which takes seconds."""
    for output in outputs:
        if output.suffix.lower() not in (".npz", ".png"):
            raise UsageError(f"{output}: the suffix must be .png for a drawing or .npz for the arrays")
        require_new(output, overwrite=overwrite)


def numbers(analysis: Analysis) -> dict[str, Any]:
    """Collect the scalars of an analysis and its spectrum, without the pictures."""
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
    console.print(f"\n{caption(analysis.arrays)}, logarithmic scale", highlight=False)
    for line in spectrum_text(analysis.singular_values):
        console.print(line, highlight=False, markup=False)
