"""``evaluate``: models on a folder of images, as a page, a figure and numbers."""

import math
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from training.evaluate import evaluate, identity
from training.images import read_folder
from training.onnx_denoiser import OnnxDenoiser
from training.plot import plot
from training.report import INPUT_LABEL, Report, Row


def measure(
    models: Sequence[Path],
    *,
    labels: Sequence[str],
    images: Path,
    output: Path,
    sigmas_255: Sequence[float],
    console: Console,
) -> Report:
    """Measure models and write ``evaluation.md``, ``evaluation.json`` and ``evaluation.png``.

    Args:
        models: ONNX files, all gray or all colour.
        labels: Their names in the report; the files' names where empty.
        images: Folder of clean images.
        output: Folder to write to, made if it is not there.
        sigmas_255: Noise standard deviations, 0-255 scale.
        console: Where the table is printed.

    Raises:
        ValueError: Models, labels or images do not fit together.
    """
    named = _name(models, labels)
    denoisers = {label: OnnxDenoiser(path) for label, path in named.items()}
    channels = {denoiser.channels for denoiser in denoisers.values()}
    if len(channels) != 1:
        raise ValueError(f"expected models for one number of channels, got {sorted(channels)}; measure them apart")
    clean = read_folder(images, channels=channels.pop())
    with console.status("measuring"):
        rows = [Row(INPUT_LABEL, evaluate(identity, clean, sigmas_255))]
        for label, denoiser in denoisers.items():
            rows.append(Row(label, evaluate(denoiser, clean, sigmas_255), denoiser.trained_sigmas_255))
    report = Report(images.resolve().name, len(clean), tuple(rows))
    output.mkdir(parents=True, exist_ok=True)
    (output / "evaluation.md").write_text(report.markdown())
    (output / "evaluation.json").write_text(report.json())
    plot(report, output / "evaluation.png")
    console.print(report.table())
    return report


def read_sigmas(text: str) -> tuple[float, ...]:
    """Noise levels from a list with commas.

    Raises:
        ValueError: One of them is no number from 0 up.
    """
    sigmas_255 = tuple(float(part) for part in text.split(","))
    if not all(0 <= sigma < math.inf for sigma in sigmas_255):
        raise ValueError(f"expected noise levels from 0 up, got {text}")
    return sigmas_255


def _name(models: Sequence[Path], labels: Sequence[str]) -> dict[str, Path]:
    chosen = labels or [path.stem for path in models]
    if len(chosen) != len(models):
        raise ValueError(f"expected a label for each of {len(models)} models, got {len(chosen)}")
    if len({*chosen, INPUT_LABEL}) != len(models) + 1:
        raise ValueError(f"expected different labels, got {', '.join(chosen)}; give them with --label")
    return dict(zip(chosen, models, strict=True))
