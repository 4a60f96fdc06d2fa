"""Noise that was never seen in training (the report's figure 2, the paper's figures 2 and 3)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from biasfree.architectures import Network
from training.data.images import NamedImage, read_folder
from training.evaluate.metrics import FloatImage
from training.evaluate.scores import Score, evaluate, identity
from training.fit.recipe import read_recipe
from training.reproduce.pages import BLUE, GRAY, RED, Page, Request, Sheet, plain
from training.reproduce.twins import FULL, MIDDLE, NARROW, Twin, twins

#: One recipe per architecture.
RECIPES = ("small-dncnn", "small-resunet")
SIGMAS_255 = (5.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0)
#: The level at which the paper states its gap, 0-255 scale.
FAR_255 = 90.0


@dataclass(frozen=True)
class Measured:
    """A network's scores, one for each of ``SIGMAS_255``."""

    twin: Twin
    scores: tuple[Score, ...]

    @property
    def psnr_db(self) -> Sequence[float]:
        """Return the PSNR at each noise level."""
        return [score.psnr_db for score in self.scores]

    def at(self, sigma_255: float) -> float:
        """Return the PSNR in dB at one noise level."""
        return next(score.psnr_db for score in self.scores if score.sigma_255 == sigma_255)


@dataclass(frozen=True)
class Generalization:
    """The measured networks, by architecture.

    Attributes:
        images: Name of the folder measured on.
        noisy: Scores of the noisy images themselves.
        networks: Architecture -> its networks.
    """

    images: str
    noisy: tuple[Score, ...]
    networks: Mapping[str, Sequence[Measured]]

    def sheets(self) -> list[Sheet]:
        """Return the table of PSNRs, and the table of the gap far outside the narrow range."""
        return [self._curves(), self._gaps()]

    def facts(self) -> dict[str, Any]:
        """Return all numbers."""
        return {
            "images": self.images,
            "noisy": [asdict(score) for score in self.noisy],
            "networks": {
                each.twin.name: {
                    "recipe": each.twin.recipe.model_dump(),
                    "scores": [asdict(score) for score in each.scores],
                }
                for group in self.networks.values()
                for each in group
            },
        }

    def _curves(self) -> Sheet:
        rows = [("noisy input", *(f"{score.psnr_db:.2f}" for score in self.noisy))]
        rows += [
            (each.twin.name, *(f"{value:.2f}" for value in each.psnr_db))
            for group in self.networks.values()
            for each in group
        ]
        head = ("trained on", *(f"{sigma:g}" for sigma in SIGMAS_255))
        return Sheet(f"PSNR in dB on {self.images} by sigma", head, tuple(rows))

    def _gaps(self) -> Sheet:
        rows = []
        for architecture, group in self.networks.items():
            free, bias = (_at_far(group, sigma_max=NARROW, bias=bias) for bias in (False, True))
            full = _at_far(group, sigma_max=FULL, bias=False)
            rows.append((architecture, *(f"{value:.2f}" for value in (full, free, full - free, bias, free - bias))))
        head = (
            "architecture",
            f"bias-free 0-{FULL:g}",
            f"bias-free 0-{NARROW:g}",
            "lost",
            f"bias 0-{NARROW:g}",
            "gap of the twins",
        )
        return Sheet(f"PSNR in dB at sigma {FAR_255:g}", head, tuple(rows))


def page(request: Request) -> Page:
    """Train six networks of each architecture and measure them.

    Raises:
        ValueError: A folder has no photographs, or no folder to train on was named.
    """
    found = measure(request, RECIPES)
    title = f"Noise beyond what was trained on, {found.images}"
    return Page("generalisation", title, found.sheets(), found.facts(), {"generalisation": _draw(found)})


def measure(request: Request, recipes: Sequence[str]) -> Generalization:
    """Train and measure the twins of each recipe, given by name or as a file."""
    request.photographs_to_train_on()  # fail before reading any image
    clean = read_folder(request.images, channels=1)
    networks = {}
    for recipe in map(read_recipe, recipes):
        networks[recipe.architecture] = [_measure(twin, clean, request) for twin in twins(recipe)]
    return Generalization(request.images.resolve().name, evaluate(identity, clean, SIGMAS_255), networks)


def _measure(twin: Twin, clean: Sequence[NamedImage], request: Request) -> Measured:
    network = twin.trained(request)
    return Measured(twin, evaluate(lambda noisy: _denoise(network, noisy), clean, SIGMAS_255))


@torch.no_grad()
def _denoise(network: Network, noisy: FloatImage) -> FloatImage:
    """Denoise an image (H, W, C)."""
    denoised = network(torch.from_numpy(noisy).permute(2, 0, 1)[None])[0]
    image: FloatImage = denoised.permute(1, 2, 0).numpy()
    return image


def _at_far(group: Sequence[Measured], *, sigma_max: float, bias: bool) -> float:
    return next(each.at(FAR_255) for each in group if (each.twin.sigma_max, each.twin.bias) == (sigma_max, bias))


def _draw(found: Generalization) -> Figure:
    """Draw output PSNR against input PSNR, one panel per architecture."""
    figure = Figure(figsize=(5 * len(found.networks), 4.2), layout="constrained")
    panels = figure.subplots(1, len(found.networks), sharey=True, squeeze=False)[0]
    noisy_db = [score.psnr_db for score in found.noisy]
    for axes, (architecture, group) in zip(panels, found.networks.items(), strict=True):
        _shade_narrow(axes, noisy_db)
        axes.plot(noisy_db, noisy_db, "--", color=GRAY, linewidth=1, label="noisy input")
        for each in group:
            axes.plot(noisy_db, each.psnr_db, _line(each.twin), color=_color(each.twin), label=_label(each.twin))
        axes.set(title=architecture, xlabel="input PSNR, dB")
        plain(axes)
    panels[0].set_ylabel("output PSNR, dB")
    panels[-1].legend(frameon=False, fontsize=8, loc="lower right")
    figure.suptitle(f"{found.images}; shaded: noise of the networks trained on 0-{NARROW:g}", size=10)
    return figure


def _shade_narrow(axes: Axes, noisy_db: list[float]) -> None:
    least_db = float(-20 * np.log10(NARROW / 255))
    axes.axvspan(least_db, max(noisy_db), color=BLUE, alpha=0.1, linewidth=0)


def _line(twin: Twin) -> str:
    return {NARROW: "o-", MIDDLE: "--", FULL: ":"}[twin.sigma_max]


def _color(twin: Twin) -> str:
    return RED if twin.bias else BLUE


def _label(twin: Twin) -> str:
    return f"{'with' if twin.bias else 'without'} bias, trained on 0-{twin.sigma_max:g}"
