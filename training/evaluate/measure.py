"""``evaluate``: measure networks and classical denoisers on a folder of images; write a page, a figure and numbers."""

import math
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from biasfree.classical import METHODS, load
from biasfree.options import EnsembleSize
from training.data.images import NamedImage, read_folder
from training.evaluate.figures import plot
from training.evaluate.model_file import model_file
from training.evaluate.onnx_model import OnnxDenoiser
from training.evaluate.report import INPUT_LABEL, Report, Row
from training.evaluate.scores import Score, evaluate, identity


def measure(
    models: Sequence[str | Path],
    *,
    labels: Sequence[str],
    images: Path,
    output: Path,
    sigmas_255: Sequence[float],
    tell_sigma: bool = False,
    ensemble: EnsembleSize = 1,
    console: Console,
) -> Report:
    """Measure models and write ``evaluation.md``, ``evaluation.json`` and ``evaluation.png``.

    Args:
        models: ONNX files and names of shipped models, all gray or all color, and names of classical denoisers, which
            accept both.
        labels: Their names in the report; defaults to the names of the files and denoisers.
        images: Folder of clean images.
        output: Folder to write to, created if missing.
        sigmas_255: Noise standard deviations, 0-255 scale.
        tell_sigma: Tell the classical denoisers the noise level instead of letting them estimate it from each image.
        ensemble: Number of orientations of each image over which the networks' results are averaged.
        console: Console to print the table to.

    Raises:
        ValueError: Models, labels or images do not fit together.
        OSError: ``output`` cannot be created; this is tested before the work.
    """
    named = _name(models, labels)
    networks = {
        label: OnnxDenoiser(model_file(model, also=METHODS), ensemble=ensemble)
        for label, model in named.items()
        if model not in METHODS
    }
    for model in set(named.values()).intersection(METHODS):
        load(str(model))  # fail before measuring anything
    channels = {network.channels for network in networks.values()}
    if len(channels) > 1:
        raise ValueError("cannot measure gray and color models together; run the command once for each")
    clean = read_folder(images, channels=channels.pop() if channels else 1)
    output.mkdir(parents=True, exist_ok=True)
    with console.status("measuring"):
        rows = [Row(INPUT_LABEL, evaluate(identity, clean, sigmas_255))]
        for label, model in named.items():
            if network := networks.get(label):
                rows.append(Row(label, evaluate(network, clean, sigmas_255), network.trained_sigmas_255))
            else:
                rows.append(Row(label, _classical_scores(str(model), clean, sigmas_255, tell_sigma=tell_sigma)))
    report = Report(images.resolve().name, len(clean), tuple(rows))
    (output / "evaluation.md").write_text(report.markdown())
    (output / "evaluation.json").write_text(report.json())
    plot(report, output / "evaluation.png")
    console.print(report.table())
    return report


def _classical_scores(
    name: str, clean: Sequence[NamedImage], sigmas_255: Sequence[float], *, tell_sigma: bool
) -> tuple[Score, ...]:
    """Measure one denoiser at every level, or one per level that is told its level."""
    if not tell_sigma:
        return evaluate(load(name), clean, sigmas_255)
    return tuple(evaluate(load(name, sigma=sigma / 255), clean, [sigma])[0] for sigma in sigmas_255)


def read_sigmas(text: str) -> tuple[float, ...]:
    """Read noise levels separated by commas.

    Raises:
        ValueError: One of them is not a number, is negative or is not finite.
    """
    message = f"invalid noise levels {text!r}; use numbers from 0 up, separated by commas, as in 5,10,25"
    try:
        sigmas_255 = tuple(float(part) for part in text.split(","))
    except ValueError as exc:
        raise ValueError(message) from exc
    if not all(0 <= sigma < math.inf for sigma in sigmas_255):
        raise ValueError(message)
    return sigmas_255


def _name(models: Sequence[str | Path], labels: Sequence[str]) -> dict[str, str | Path]:
    chosen = labels or [str(model) if model in METHODS else Path(model).stem for model in models]
    if len(chosen) != len(models):
        raise ValueError(f"{len(chosen)} label(s) for {len(models)} model(s): pass --label once per model or never")
    if len({*chosen, INPUT_LABEL}) != len(models) + 1:
        raise ValueError(f"labels must differ from each other and from {INPUT_LABEL!r}: {', '.join(chosen)}")
    return dict(zip(chosen, models, strict=True))
