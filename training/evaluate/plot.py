"""An evaluation as a figure."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.evaluate.report import INPUT_LABEL, Report, Row

#: Lines that can be told from each other: ten colours, then the same with another mark.
MARKS = ("o-", "^--")
COLOURS = 10


def plot(report: Report, path: Path) -> None:
    """Draw the PSNR of the result against that of the noisy image, one line for each denoiser.

    The noise that was trained on is shaded: left of it is stronger noise.

    Args:
        report: What is drawn; infinite values are left out.
        path: PNG file to write.
    """
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    noisy = next(row for row in report.rows if row.label == INPUT_LABEL)
    input_db = _finite(noisy)
    _shade_training(axes, report, input_db)
    axes.plot(input_db, input_db, "--", color="gray", linewidth=1, label=INPUT_LABEL)
    for place, row in enumerate(row for row in report.rows if row is not noisy):
        mark, colour = MARKS[place // COLOURS % len(MARKS)], f"C{place % COLOURS}"
        axes.plot(input_db, _finite(row), mark, color=colour, markersize=4, linewidth=1.2, label=row.label)
    axes.set(xlabel="PSNR of the noisy image, dB", ylabel="PSNR of the result, dB")
    axes.set_title(f"{report.images}, {report.count} images", size=10)
    axes.grid(visible=True, alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right upper", frameon=False, fontsize=8)
    figure.savefig(path, dpi=120)


def _finite(row: Row) -> npt.NDArray[np.float64]:
    """Its PSNR in dB at each level; NaN, which is not drawn, where it is infinite."""
    psnr_db = np.array([score.psnr_db for score in row.scores])
    psnr_db[~np.isfinite(psnr_db)] = np.nan
    return psnr_db


def _shade_training(axes: Axes, report: Report, input_db: npt.NDArray[np.float64]) -> None:
    """One band for each different training range: from the noisy images at its strongest noise to the cleanest."""
    for low, high in sorted({row.trained_sigmas_255 for row in report.rows if row.trained_sigmas_255}):
        inside = input_db[[low <= sigma <= high for sigma in report.sigmas_255]]
        if np.isfinite(inside).any():
            label = f"noise in training, {low:g}-{high:g}"
            axes.axvspan(np.nanmin(inside), np.nanmax(inside), color="tab:blue", alpha=0.08, linewidth=0, label=label)
