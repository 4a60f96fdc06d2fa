"""The table of robustness: a row for each case and region, a column for each denoiser."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from biasfree.artifact import SHIPPED, Artifact
from biasfree.card import CaseScore
from biasfree.classical import METHODS, load
from training.data.images import NamedImage, read_folder
from training.evaluate.onnx_model import OnnxDenoiser
from training.evaluate.robustness.default import DefaultDenoiser
from training.evaluate.robustness.measure import is_gray, measure_cases, measure_pairs
from training.evaluate.scores import Denoiser

KINDS = {1: "gray", 3: "color"}


@dataclass(frozen=True)
class RobustnessTable:
    """Scores by the denoisers' names, all of the same cases on images of ``channels`` channels.

    ``white_chosen`` tells for each case how often the default took the network for white noise; empty without one.
    """

    channels: int
    scores: Mapping[str, Sequence[CaseScore]]
    white_chosen: Mapping[str, str]

    def markdown(self) -> str:
        """PSNR in dB: what was given, and every denoiser's result."""
        head = [f"PSNR, dB ({KINDS[self.channels]})", "measured on", "input", *(f"`{name}`" for name in self.scores)]
        if self.white_chosen:
            head.append("network for white noise chosen")
        lines = [head, ["---"] * len(head), *self._rows()]
        return "".join(f"| {' | '.join(line)} |\n" for line in lines)

    def _rows(self) -> list[list[str]]:
        columns = list(self.scores.values())
        return [
            [
                row[0].case,
                row[0].region or "all",
                f"{row[0].input_psnr_db:.2f}",
                *(f"{each.psnr_db:.2f}" for each in row),
                *([self.white_chosen[row[0].case]] if self.white_chosen else []),
            ]
            for row in zip(*columns, strict=True)
        ]


def robustness(
    models: Sequence[Path] = (), *, gray: Path, color: Path, pairs: Sequence[Path], console: Console | None = None
) -> list[RobustnessTable]:
    """Measure models and every classical denoiser on the cases and on real pairs.

    Args:
        models: ONNX files; the shipped ones where empty.
        gray: Folder of clean images, read as gray, for the gray models.
        color: Folder of clean images, read as RGB, for the color models.
        pairs: Folders with ``noisy`` and ``clean``; gray models are measured on gray ones, color models on the others.
        console: Where progress is shown.

    Returns:
        A table for gray and one for color.

    Raises:
        ValueError: A folder has no images, or pairs do not match.
    """
    paths = models or sorted(SHIPPED.glob("*.onnx"))
    gray_pairs = {folder: is_gray(folder) for folder in pairs}
    tables = []
    for channels, folder in ((1, gray), (3, color)):
        networks = {path.stem: OnnxDenoiser(path) for path in paths if Artifact.load(path).card.channels == channels}
        real = [each for each in pairs if gray_pairs[each] == (channels == 1)]
        tables.append(_table(networks, read_folder(folder, channels=channels), real, channels, console))
    return tables


def _table(
    networks: Mapping[str, OnnxDenoiser],
    images: Sequence[NamedImage],
    pairs: Sequence[Path],
    channels: int,
    console: Console | None,
) -> RobustnessTable:
    scores, chosen = {}, {}
    if default := _default(networks, channels):
        scores["default"] = _measured(
            default, images, pairs, channels, lambda case: chosen.update({case: default.taken()})
        )
    named: dict[str, Denoiser] = {**networks, **{name: load(name) for name in METHODS}}
    for name, denoiser in named.items():
        if console:
            console.print(f"{KINDS[channels]}: {name}")
        scores[name] = _measured(denoiser, images, pairs, channels)
    return RobustnessTable(channels, scores, chosen)


def _default(networks: Mapping[str, OnnxDenoiser], channels: int) -> DefaultDenoiser | None:
    """What the service does where no model is named, if both networks are among those measured."""
    white = networks.get(KINDS[channels])
    any_noise = networks.get(f"{KINDS[channels]}-real")
    return DefaultDenoiser(any_noise, white) if white and any_noise else None


def _measured(
    denoiser: Denoiser,
    images: Sequence[NamedImage],
    pairs: Sequence[Path],
    channels: int,
    done: Callable[[str], None] = lambda case: None,
) -> list[CaseScore]:
    """Measure one denoiser on real pairs and on the cases; ``done`` is told of each case."""
    real = [measure_pairs(denoiser, each, channels=channels, done=done) for each in pairs]
    return real + measure_cases(denoiser, images, done=done)


def write(tables: Sequence[RobustnessTable], output: Path) -> None:
    """Write ``robustness.md`` and ``robustness.json`` into a folder, made if it is not there."""
    output.mkdir(parents=True, exist_ok=True)
    (output / "robustness.md").write_text("\n".join(table.markdown() for table in tables))
    facts = [
        {"channels": table.channels, "denoiser": name, **score.model_dump()}
        for table in tables
        for name, scores in table.scores.items()
        for score in scores
    ]
    (output / "robustness.json").write_text(json.dumps(facts, indent=2) + "\n")
