"""Output PSNR against input PSNR, inside and outside of the noise that was trained on."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.reproduce.figures import BLUE, GRAY, RED, plain
from training.reproduce.generalisation_findings import Generalisation
from training.reproduce.twins import FULL, MIDDLE, NARROW, Twin


def draw(found: Generalisation) -> Figure:
    """One panel for each architecture."""
    figure = Figure(figsize=(5 * len(found.networks), 4.2), layout="constrained")
    panels = figure.subplots(1, len(found.networks), sharey=True, squeeze=False)[0]
    noisy_db = [score.psnr_db for score in found.noisy]
    for axes, (architecture, group) in zip(panels, found.networks.items(), strict=True):
        _shade(axes, noisy_db)
        axes.plot(noisy_db, noisy_db, "--", color=GRAY, linewidth=1, label="noisy input")
        for each in group:
            axes.plot(noisy_db, each.psnr_db, _line(each.twin), color=_color(each.twin), label=_label(each.twin))
        axes.set(title=architecture, xlabel="input PSNR, dB")
        plain(axes)
    panels[0].set_ylabel("output PSNR, dB")
    panels[-1].legend(frameon=False, fontsize=8, loc="lower right")
    figure.suptitle(f"{found.images}; shaded: noise of the networks trained on 0-{NARROW:g}", size=10)
    return figure


def _shade(axes: Axes, noisy_db: list[float]) -> None:
    least_db = float(-20 * np.log10(NARROW / 255))
    axes.axvspan(least_db, max(noisy_db), color=BLUE, alpha=0.1, linewidth=0)


def _line(twin: Twin) -> str:
    return {NARROW: "o-", MIDDLE: "--", FULL: ":"}[twin.sigma_max]


def _color(twin: Twin) -> str:
    return RED if twin.bias else BLUE


def _label(twin: Twin) -> str:
    return f"{'with' if twin.bias else 'without'} bias, trained on 0-{twin.sigma_max:g}"
