"""The table of robustness: one row per case and region, one column per denoiser."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from biasfree import frames
from biasfree.artifact import SHIPPED, Artifact
from biasfree.card import CaseScore
from biasfree.choice import AUTO, CHOICES, any_noise_options, for_any_noise
from biasfree.classical import METHODS, load
from biasfree.options import DenoiseOptions, EnsembleSize
from biasfree.pixels import has_equal_channels
from training.data.images import NamedImage, read_folder
from training.evaluate.metrics import FloatImage
from training.evaluate.model_file import model_file
from training.evaluate.onnx_model import OnnxDenoiser
from training.evaluate.robustness.measure import is_gray, measure_cases, measure_pairs
from training.evaluate.scores import ImageDenoiser, denoise_planes

#: Number of channels -> name in tables and in the names of the shipped models.
KINDS = {1: "gray", 3: "color"}


class DefaultDenoiser:
    """The service's choice between two networks if a request names no model, or ``best``.

    Args:
        any_noise: The network for any noise.
        white: The network for white noise.
        choice: What the request names: ``auto`` or ``best``.
        ensemble: Number of orientations over which the chosen network's results are averaged.
        gray: The choice for images (H, W, 3) with equal channels, which are gray.
    """

    def __init__(
        self,
        any_noise: ImageDenoiser,
        white: ImageDenoiser,
        *,
        choice: str = AUTO,
        ensemble: EnsembleSize = 1,
        gray: "DefaultDenoiser | None" = None,
    ) -> None:
        self._networks: dict[frames.Which, ImageDenoiser] = {"any-noise": any_noise, "white-noise": white}
        options = DenoiseOptions(ensemble=ensemble)
        self._options: dict[frames.Which, DenoiseOptions] = {
            "any-noise": any_noise_options(choice, options),
            "white-noise": options,
        }
        self._gray = gray
        self._chosen: list[frames.Which] = []

    def __call__(self, noisy: FloatImage, /) -> FloatImage:
        """Denoise an image (H, W, C), float32."""
        if self._gray and noisy.shape[-1] > 1 and has_equal_channels(noisy):
            denoised = self._gray(noisy[..., :1])
            self._chosen.append(self._gray._chosen.pop())
            return np.broadcast_to(denoised, noisy.shape)
        which, done = frames.run(
            frames.choose(noisy, self._options["any-noise"]),
            lambda request: denoise_planes(self._networks[request.which], request.noisy),
        )
        self._chosen.append(which)
        passes = frames.denoise_frame(noisy, self._options[which], done)
        network = self._networks[which]
        image: FloatImage = frames.run(passes, lambda request: denoise_planes(network, request.noisy)).frame
        return image

    def taken(self) -> str:
        """Count for how many images since the last call the network for white noise was chosen."""
        counted = f"{self._chosen.count('white-noise')} of {len(self._chosen)}"
        self._chosen.clear()
        return counted


@dataclass(frozen=True)
class RobustnessTable:
    """Scores of denoisers on the same cases.

    Attributes:
        channels: Number of image channels, C.
        scores: Denoiser's name -> its scores.
        white_chosen: Name of a choice in ``scores`` -> case -> how often it chose the network for white noise.
    """

    channels: int
    scores: Mapping[str, Sequence[CaseScore]]
    white_chosen: Mapping[str, Mapping[str, str]]

    def markdown(self) -> str:
        """Return the PSNR in dB of the input and of every denoiser's result, as a Markdown table."""
        head = [f"PSNR, dB ({KINDS[self.channels]})", "measured on", "input", *(f"`{name}`" for name in self.scores)]
        head += [f"`{name}` chose the network for white noise" for name in self.white_chosen]
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
                *(counts[row[0].case] for counts in self.white_chosen.values()),
            ]
            for row in zip(*columns, strict=True)
        ]


def robustness(
    models: Sequence[str | Path] = (),
    *,
    gray: Path,
    color: Path,
    pairs: Sequence[Path],
    ensemble: EnsembleSize = 1,
    console: Console | None = None,
) -> list[RobustnessTable]:
    """Measure denoisers on the cases and on real pairs.

    Args:
        models: ONNX files, and names of shipped models and of classical denoisers; all that is shipped if empty.
        gray: Folder of clean images, read as gray, for the gray models.
        color: Folder of clean images, read as RGB, for the color models.
        pairs: Folders with ``noisy`` and ``clean``. Gray pairs are for gray models, the others for color models.
        ensemble: Number of orientations of each image over which the networks' results are averaged.
        console: Console for the progress.

    Returns:
        One table for gray and one for color, as far as there are denoisers.

    Raises:
        ValueError: A folder has no images, pairs do not match, or there is no denoiser for some pairs.
    """
    chosen = models or [*sorted(SHIPPED.glob("*.onnx")), *METHODS]
    paths = [model_file(model, also=METHODS) for model in chosen if model not in METHODS]
    classical = [str(model) for model in chosen if model in METHODS]
    fitting: dict[int, list[Path]] = {channels: [] for channels in KINDS}
    for path in paths:
        fitting.setdefault(Artifact.load(path).card.channels, []).append(path)
    measured = [channels for channels in KINDS if fitting[channels] or classical]
    real = _pairs_by_channels(pairs, measured)
    clean = {channels: read_folder(gray if channels == 1 else color, channels=channels) for channels in measured}
    tables = []
    choices: dict[str, DefaultDenoiser] = {}
    for channels in measured:
        networks = {path.stem: OnnxDenoiser(path, ensemble=ensemble) for path in fitting[channels]}
        choices = _choices(networks, channels, gray=choices)
        tables.append(_table(networks, choices, classical, clean[channels], real[channels], channels, console))
    return tables


def _pairs_by_channels(pairs: Sequence[Path], measured: Sequence[int]) -> dict[int, list[Path]]:
    """Sort folders of pairs by number of channels, and refuse those that no denoiser is for."""
    sorted_pairs: dict[int, list[Path]] = {channels: [] for channels in KINDS}
    for folder in pairs:
        channels = 1 if is_gray(folder) else 3
        if channels not in measured:
            kind = KINDS[channels]
            raise ValueError(f"the pairs in {folder} are {kind}: name a {kind} model too, or leave them out")
        sorted_pairs[channels].append(folder)
    return sorted_pairs


def _table(
    networks: Mapping[str, OnnxDenoiser],
    choices: Mapping[str, DefaultDenoiser],
    classical: Sequence[str],
    images: Sequence[NamedImage],
    pairs: Sequence[Path],
    channels: int,
    console: Console | None,
) -> RobustnessTable:
    scores: dict[str, list[CaseScore]] = {}
    chosen: dict[str, dict[str, str]] = {}
    for name, choice in choices.items():
        counts = chosen.setdefault(name, {})

        def count(case: str, choice: DefaultDenoiser = choice, counts: dict[str, str] = counts) -> None:
            counts[case] = choice.taken()

        scores[name] = _measured(choice, images, pairs, channels, count)
    named: dict[str, ImageDenoiser] = {**networks, **{name: load(name) for name in classical}}
    for name, denoiser in named.items():
        if console:
            console.print(f"{KINDS[channels]}: {name}")
        scores[name] = _measured(denoiser, images, pairs, channels)
    return RobustnessTable(channels, scores, chosen)


def _choices(
    networks: Mapping[str, OnnxDenoiser], channels: int, *, gray: Mapping[str, DefaultDenoiser]
) -> dict[str, DefaultDenoiser]:
    """Return the service's choices between two networks, by name, as far as both networks are given.

    Args:
        networks: Networks for ``channels``.
        channels: Number of image channels, C.
        gray: The choices for gray, which color images with equal channels get.
    """
    choices = {}
    for choice, models in CHOICES.items():
        name = "default" if choice == AUTO else choice
        white = networks.get(models[channels])
        any_noise = networks.get(for_any_noise(models[channels], networks) or "")
        if white and any_noise:
            choices[name] = DefaultDenoiser(
                any_noise.once,
                white.once,
                choice=choice,
                ensemble=white.ensemble,
                gray=gray.get(name),
            )
    return choices


def _measured(
    denoiser: ImageDenoiser,
    images: Sequence[NamedImage],
    pairs: Sequence[Path],
    channels: int,
    done: Callable[[str], None] = lambda case: None,
) -> list[CaseScore]:
    """Measure one denoiser on real pairs and on the cases; call ``done`` with each case."""
    real = [score for each in pairs for score in measure_pairs(denoiser, each, channels=channels, done=done)]
    return real + measure_cases(denoiser, images, done=done)


def write(tables: Sequence[RobustnessTable], output: Path) -> None:
    """Write ``robustness.md`` and ``robustness.json`` into a folder, which is created if missing."""
    output.mkdir(parents=True, exist_ok=True)
    (output / "robustness.md").write_text("\n".join(table.markdown() for table in tables))
    facts = [
        {"channels": table.channels, "denoiser": name, **score.model_dump()}
        for table in tables
        for name, scores in table.scores.items()
        for score in scores
    ]
    (output / "robustness.json").write_text(json.dumps(facts, indent=2) + "\n")
