"""An evaluation as a figure."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.report import INPUT_LABEL, Report


def plot(report: Report, path: Path) -> None:
    """Draw PSNR against the noise level, one line for each denoiser, over the noise range it was trained on.

    Args:
        report: What is drawn; infinite values are left out.
        path: PNG file to write.
    """
    figure = Figure(figsize=(8.5, 4.5), layout="constrained")
    axes = figure.add_subplot()
    _shade_training(axes, report)
    for row in report.rows:
        psnr_db = np.array([score.psnr_db for score in row.scores])
        psnr_db[~np.isfinite(psnr_db)] = np.nan
        axes.plot(report.sigmas_255, psnr_db, "--" if row.label == INPUT_LABEL else "o-", label=row.label)
    axes.set(xlabel="noise sigma (0-255 scale)", ylabel="PSNR, dB", title=f"{report.images}, {report.count} images")
    axes.grid(visible=True, alpha=0.3)
    figure.legend(loc="outside right upper", fontsize="small")
    figure.savefig(path, dpi=150)


def _shade_training(axes: Axes, report: Report) -> None:
    """One band for each different training range."""
    for low, high in sorted({row.trained_sigmas_255 for row in report.rows if row.trained_sigmas_255}):
        axes.axvspan(low, high, color="tab:blue", alpha=0.1, label=f"noise in training, {low:g}-{high:g}")
