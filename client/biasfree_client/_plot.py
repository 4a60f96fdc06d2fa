"""An analysis as a matplotlib figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from biasfree_client._extras import optional
from biasfree_client._image import AnyArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from biasfree_client._analysis import Analysis

#: The ends of matplotlib's map RdBu, in which signed pictures are drawn.
BLUE, RED = "#2166ac", "#b2182b"
#: Pairs of singular vectors that are drawn: the first, as many as fit beside each other.
PAIRS = 8
#: The spectrum is drawn down to this share of its largest value: below it is rounding error.
FLOOR = 1e-6


def draw(analysis: Analysis) -> Figure:
    """The patch before and after, its singular values, and the first pairs of singular vectors.

    Raises:
        MissingLibrary: matplotlib is not installed.
    """
    figures = optional("matplotlib.figure", extra="plot", purpose="a plot")
    pairs = min(PAIRS, len(analysis.u))
    figure: Figure = figures.Figure(figsize=(12, 6.6), layout="constrained")
    halves: Any = figure.subfigures(2, 1, height_ratios=(1, 1.15))
    upper, lower = halves
    patches = upper.subplots(1, 4, width_ratios=(1, 1, 1, 2.4))
    _patches(patches[:3], analysis)
    _spectrum(patches[3], analysis)
    _vectors(lower.subplots(2, pairs, squeeze=False), analysis)
    lower.suptitle("Left singular vectors u (above) and right ones v (below)", fontsize=10, x=0.01, ha="left")
    _title(figure, analysis)
    return figure


def _title(figure: Figure, analysis: Analysis) -> None:
    model = f"model {analysis.model.name}, " if analysis.model else ""
    numbers = f"d = {analysis.effective_dimensionality:.1f}, estimated sigma {analysis.sigma:.1f}"
    figure.suptitle(f"The Jacobian at a patch: {model}{numbers}", fontsize=12, x=0.01, ha="left")


def _patches(axes: Any, analysis: Analysis) -> None:
    """Noisy and denoised on one range, and what was taken away."""
    low, high = float(analysis.denoised.min()), float(analysis.denoised.max())
    _picture(axes[0], _stretched(analysis.noisy, low, high), "noisy y")
    _picture(axes[1], _stretched(analysis.denoised, low, high), "denoised f(y)")
    removed = analysis.noisy - analysis.denoised
    _picture(axes[2], _signed(removed, float(np.abs(removed).max()) or 1.0), "removed y - f(y)")


def _spectrum(axes: Axes, analysis: Analysis) -> None:
    values = analysis.singular_values
    largest = float(values.max()) or 1.0
    axes.semilogy(np.arange(1, len(values) + 1), np.maximum(values, largest * FLOOR), color=BLUE)
    d = analysis.effective_dimensionality
    if d <= 1.1 * len(values):
        axes.axvline(d, color=RED, linewidth=1)
    axes.set(xlabel="i", ylabel="s_i", title=f"{len(values)} singular values ({analysis.method}); red: d = {d:.1f}")
    axes.title.set_fontsize(10)
    axes.grid(alpha=0.2)


def _vectors(axes: Any, analysis: Analysis) -> None:
    # Unit vectors of N values have a root mean square of 1 / sqrt(N).
    limit = 3 / float(np.sqrt(analysis.noisy.size))
    for place in range(axes.shape[1]):
        index = int(analysis.indices[place])
        value, agreement = analysis.singular_values[index], analysis.symmetry[index]
        _picture(
            axes[0][place], _signed(analysis.u[place], limit), f"{index + 1}: s = {value:.3g}\nu·v = {agreement:.2f}"
        )
        _picture(axes[1][place], _signed(analysis.v[place], limit), "")


def _picture(axes: Axes, pixels: AnyArray, title: str) -> None:
    """Pixels (H, W) signed or gray in [0, 1], or (H, W, 3)."""
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_title(title, fontsize=9)
    axes.set_axis_off()


def _stretched(patch: AnyArray, low: float, high: float) -> AnyArray:
    """A patch (C, P, Q) in its own intensities as a picture in [0, 1]: (P, Q) or (P, Q, 3)."""
    scaled = np.clip((patch - low) / ((high - low) or 1.0), 0, 1)
    return scaled[0] if len(scaled) == 1 else np.moveaxis(scaled, 0, -1)


def _signed(patch: AnyArray, limit: float) -> AnyArray:
    """A patch (C, P, Q) with signs as a picture (P, Q, 3): blue below 0, red above; in colour, mid-gray is 0."""
    scaled = np.clip(patch / limit, -1, 1)
    if len(scaled) > 1:
        return np.moveaxis(scaled / 2 + 0.5, 0, -1)
    maps = optional("matplotlib", extra="plot", purpose="a plot")
    colors: AnyArray = maps.colormaps["RdBu_r"](scaled[0] / 2 + 0.5)
    return colors[..., :3]
