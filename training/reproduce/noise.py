"""The noise model y = x + n with independent Gaussian n (the report's figure 1)."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.data.images import NamedImage, read_folder
from training.evaluate.metrics import FloatImage, add_noise
from training.reproduce.pages import BLUE, RED, Page, Request, Sheet, plain

SIGMAS_255 = (10.0, 30.0, 50.0, 100.0)
#: Half width of the histograms in standard deviations: one Gaussian value in 1.7 million lies outside.
SPAN = 5


@dataclass(frozen=True)
class Noise:
    """The noise of all images at one level.

    Attributes:
        sigma_255: Requested standard deviation, 0-255 scale.
        deviation_255: Measured standard deviation, 0-255 scale.
        mean_255: Measured mean, 0-255 scale.
        correlation: Correlation of each value with its right neighbor.
        psnr_db: Mean PSNR over the images, not clamped.
        expected_db: 20 log10(255 / sigma).
    """

    sigma_255: float
    deviation_255: float
    mean_255: float
    correlation: float
    psnr_db: float
    expected_db: float


def page(request: Request) -> Page:
    """Measure the noise that every other page adds.

    Raises:
        ValueError: There are no photographs.
    """
    images = read_folder(request.images, channels=1)[: request.count]
    found = [_measure(images, sigma) for sigma in SIGMAS_255]
    title = f"Gaussian noise on {len(images)} images of {request.images.resolve().name}"
    facts = {"images": [image.name for image in images], "levels": [asdict(each) for each in found]}
    return Page("noise", title, [_sheet(found)], facts, {"noise": _draw(images[0])})


def _measure(images: Sequence[NamedImage], sigma_255: float) -> Noise:
    noises = [_noise(image, sigma_255, index) for index, image in enumerate(images)]
    values = np.concatenate([noise.ravel() for noise in noises]) * 255
    pairs = np.concatenate([np.stack([noise[:, :-1].ravel(), noise[:, 1:].ravel()]) for noise in noises], axis=1)
    return Noise(
        sigma_255=sigma_255,
        deviation_255=float(values.std(dtype=np.float64)),
        mean_255=float(values.mean(dtype=np.float64)),
        correlation=float(np.corrcoef(pairs)[0, 1]),
        psnr_db=float(np.mean([-10 * np.log10(np.mean(np.square(noise, dtype=np.float64))) for noise in noises])),
        expected_db=20 * math.log10(255 / sigma_255),
    )


def _noise(image: NamedImage, sigma_255: float, index: int) -> FloatImage:
    """Return the noise n (H, W, C) of an image."""
    return add_noise(image.unit, sigma_255=sigma_255, index=index) - image.unit


def _sheet(found: Sequence[Noise]) -> Sheet:
    head = ("sigma", "deviation", "mean", "correlation of neighbors", "PSNR, dB", "20 log10(255 / sigma)")
    rows = (
        (
            f"{each.sigma_255:g}",
            f"{each.deviation_255:.2f}",
            f"{each.mean_255:+.2f}",
            f"{each.correlation:+.4f}",
            f"{each.psnr_db:.2f}",
            f"{each.expected_db:.2f}",
        )
        for each in found
    )
    return Sheet("The noise that is added, never clipped", head, tuple(rows))


def _draw(image: NamedImage) -> Figure:
    """Draw a photograph at every level, and the histogram of the noise below it."""
    figure = Figure(figsize=(2.4 * (1 + len(SIGMAS_255)), 4.6), layout="constrained")
    upper, lower = figure.subplots(2, 1 + len(SIGMAS_255))
    _picture(upper[0], image.unit, "x")
    lower[0].set_axis_off()
    for above, below, sigma_255 in zip(upper[1:], lower[1:], SIGMAS_255, strict=True):
        noise = _noise(image, sigma_255, 0)
        _picture(above, image.unit + noise, f"y, $\\sigma$ = {sigma_255:g}")
        _histogram(below, 255 * noise.ravel(), sigma_255)
    return figure


def _picture(axes: Axes, image: FloatImage, title: str) -> None:
    axes.imshow(image.squeeze(), cmap="gray", vmin=0, vmax=1)
    axes.set_title(title, size=9)
    axes.set_axis_off()


def _histogram(axes: Axes, values_255: FloatImage, sigma_255: float) -> None:
    places = np.linspace(-SPAN * sigma_255, SPAN * sigma_255, 200)
    density = np.exp(-((places / sigma_255) ** 2) / 2) / (sigma_255 * math.sqrt(2 * math.pi))
    axes.hist(values_255, bins=60, density=True, color=BLUE, alpha=0.5)
    axes.plot(places, density, color=RED, linewidth=1)
    axes.set(xlabel="n = y - x", yticks=())
    plain(axes)
