"""Figures: PSNR curves of an evaluation, and a photograph before and after denoising."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import biasfree
from biasfree.noise import digits
from training.data.images import open_image, read_image
from training.evaluate.metrics import FloatImage, add_noise, psnr_db
from training.evaluate.model_file import model_file
from training.evaluate.onnx_model import OnnxDenoiser
from training.evaluate.report import INPUT_LABEL, Report, Row

#: Distinguishable lines: ten colors, then the same ten with another marker.
MARKS = ("o-", "^--")
COLORS = 10


def plot(report: Report, path: Path) -> None:
    """Draw the PSNR of the result against that of the noisy image, one line per denoiser.

    The noise range of the training is shaded; stronger noise is to its left.

    Args:
        report: The evaluation to draw; infinite values are left out.
        path: PNG file to write.
    """
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    noisy = next(row for row in report.rows if row.label == INPUT_LABEL)
    input_db = _finite(noisy)
    _shade_training(axes, report, input_db)
    axes.plot(input_db, input_db, "--", color="gray", linewidth=1, label=INPUT_LABEL)
    for place, row in enumerate(row for row in report.rows if row is not noisy):
        mark, color = MARKS[place // COLORS % len(MARKS)], f"C{place % COLORS}"
        axes.plot(input_db, _finite(row), mark, color=color, markersize=4, linewidth=1.2, label=row.label)
    axes.set(xlabel="PSNR of the noisy image, dB", ylabel="PSNR of the result, dB")
    axes.set_title(f"{report.images}, {report.count} images", size=10)
    axes.grid(visible=True, alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right upper", frameon=False, fontsize=8)
    figure.savefig(path, dpi=120)


def _finite(row: Row) -> npt.NDArray[np.float64]:
    """Return the PSNR in dB at each level, with NaN, which is not drawn, instead of infinity."""
    values = np.array([score.psnr_db for score in row.scores])
    values[~np.isfinite(values)] = np.nan
    return values


def _shade_training(axes: Axes, report: Report, input_db: npt.NDArray[np.float64]) -> None:
    """Shade each distinct training range, from the noisy images with its strongest noise to the cleanest ones."""
    for low, high in sorted({row.trained_sigmas_255 for row in report.rows if row.trained_sigmas_255}):
        inside = input_db[[low <= sigma <= high for sigma in report.sigmas_255]]
        if np.isfinite(inside).any():
            label = f"noise in training, {low:g}-{high:g}"
            axes.axvspan(np.nanmin(inside), np.nanmax(inside), color="tab:blue", alpha=0.08, linewidth=0, label=label)


#: Width of a panel in inches, and dots per inch: three panels make a picture for a README.
PANEL_IN, DPI = 4.0, 110


def illustrate(model: str | Path, image: Path, output: Path, *, sigma_255: float) -> None:
    """Draw a photograph clean, with noise, and denoised, with the PSNR of each.

    Args:
        model: A model file, or the name of a shipped model.
        image: A clean photograph.
        output: PNG file to write.
        sigma_255: Noise standard deviation, 0-255 scale.

    Raises:
        ValueError: There is no such model, or ``sigma_255`` is negative or not finite.
    """
    if not 0 <= sigma_255 < math.inf:
        raise ValueError(f"the noise level must be a number from 0 up, not {sigma_255:g}")
    denoiser = OnnxDenoiser(model_file(model))
    clean = read_image(image, channels=denoiser.channels).unit
    noisy = add_noise(clean, sigma_255=sigma_255, index=0)
    denoised = denoiser(noisy)
    _panels(
        {
            "clean": clean,
            f"noise of sigma {sigma_255:g}: {psnr_db(clean, noisy):.1f} dB": noisy,
            f"denoised, blind: {psnr_db(clean, denoised):.1f} dB": denoised,
        },
        output,
    )


def illustrate_real(image: Path, output: Path, *, box: tuple[int, int, int, int] | None = None) -> None:
    """Draw a photograph with its own noise, and what the default models make of it.

    Args:
        image: A noisy photograph, gray or color.
        output: PNG file to write.
        box: Left, top, right and bottom of the part to draw, in pixels; the whole image is denoised.

    Raises:
        ValueError: ``image`` is no image of a mode that the library accepts, or ``box`` is not inside it.
    """
    noisy = open_image(image)
    left, top, right, bottom = box or (0, 0, *noisy.size)
    if not (0 <= left < right <= noisy.width and 0 <= top < bottom <= noisy.height):
        raise ValueError(
            f"the box must be left, top, right and bottom inside the image of {noisy.width} x {noisy.height} pixels, "
            f"not {left} {top} {right} {bottom}"
        )
    model = biasfree.load()
    level = digits(model.estimate(noisy).level)
    panels = {"as it came": noisy.crop(box), f"denoised: noise of level {level}": model.denoise(noisy).crop(box)}
    _panels({title: np.asarray(panel, np.float32) / np.float32(255) for title, panel in panels.items()}, output)


def _panels(panels: Mapping[str, FloatImage], output: Path) -> None:
    """Draw images of one size side by side, each pixel a square."""
    height, width = next(iter(panels.values())).shape[:2]
    figure = Figure(figsize=(len(panels) * PANEL_IN, PANEL_IN * height / width + 0.4), layout="constrained")
    for axis, (title, pixels) in zip(figure.subplots(1, len(panels)), panels.items(), strict=True):
        axis.imshow(np.clip(pixels, 0, 1).squeeze(), cmap="gray", vmin=0, vmax=1)
        axis.set_title(title)
        axis.set_axis_off()
    figure.savefig(output, dpi=DPI)
