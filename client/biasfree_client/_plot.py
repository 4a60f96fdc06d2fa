"""Drawings of an analysis: a matplotlib figure, and its spectrum as text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from biasfree_client._extras import optional
from biasfree_client._image import AnyArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: The ends of matplotlib's colormap RdBu, which signed pictures use.
BLUE, RED = "#2166ac", "#b2182b"
#: Pairs of singular vectors to draw: the first ones, as many as fit side by side.
PAIRS = 8
#: The spectrum ends at this share of its largest value: smaller values are rounding error.
FLOOR = 1e-6
#: The same for text, whose rows leave room for four decades.
TEXT_FLOOR = 1e-4
#: Size of the spectrum as text; each row has eight steps.
COLUMNS, ROWS = 64, 8
STEPS = " ▁▂▃▄▅▆▇█"

Arrays = Mapping[str, AnyArray]


def draw(arrays: Arrays, *, model: str | None) -> Figure:
    """Draw the patch before and after, its singular values, and the first pairs of singular vectors.

    Args:
        arrays: The arrays of an analysis by name.
        model: Name of the model, for the title.

    Raises:
        MissingLibrary: matplotlib is not installed.
    """
    figures = optional("matplotlib.figure", extra="plot", purpose="plotting")
    pairs = min(PAIRS, len(arrays["left"]))
    figure: Figure = figures.Figure(figsize=(12, 6.6), layout="constrained")
    halves: Any = figure.subfigures(2, 1, height_ratios=(1, 1.15))
    upper, lower = halves
    patches = upper.subplots(1, 4, width_ratios=(1, 1, 1, 2.4))
    _patches(patches[:3], arrays)
    _spectrum(patches[3], arrays)
    _vectors(lower.subplots(2, pairs, squeeze=False), arrays)
    lower.suptitle("Singular vectors: left u (top) and right v (bottom)", fontsize=10, x=0.01, ha="left")
    _title(figure, arrays, model)
    return figure


def caption(arrays: Arrays) -> str:
    """Return the number of singular values, and the method that computed them."""
    return f"{len(arrays['singular_values'])} singular values ({arrays['method']})"


def spectrum_text(values: AnyArray, *, columns: int = COLUMNS, rows: int = ROWS) -> list[str]:
    """Draw singular values as lines of text: the index from left to right, the logarithm of the value upwards.

    Args:
        values: Singular values in descending order (K,).
        columns: Width; if there are fewer values, each gets one column.
        rows: Height, from ``TEXT_FLOOR`` of the largest value up to the largest.
    """
    largest, floored = _floored(values, TEXT_FLOOR)
    places = np.linspace(0, len(values) - 1, min(columns, len(values))).round().astype(int)
    heights = 1 - np.log(floored[places] / largest) / np.log(TEXT_FLOOR)
    steps = np.rint(heights * rows * 8).astype(int)
    lines = ["".join(STEPS[min(8, max(0, step - 8 * row))] for step in steps) for row in reversed(range(rows))]
    lines[0] += f"  {largest:.3g}"
    lines[-1] += f"  {largest * TEXT_FLOOR:.1g}"
    return [*lines, f"1{len(values):>{len(places) - 1}}"]


def _floored(values: AnyArray, share: float) -> tuple[float, AnyArray]:
    """Return the largest value, and the values raised to at least a share of it, so that all have a logarithm."""
    largest = float(values.max()) or 1.0
    return largest, np.maximum(values, largest * share)


def _title(figure: Figure, arrays: Arrays, model: str | None) -> None:
    named = f"model {model}, " if model else ""
    numbers = f"d = {arrays['effective_dimensionality']:.1f}, estimated sigma {arrays['sigma_estimate']:.1f}"
    figure.suptitle(f"The Jacobian at a patch: {named}{numbers}", fontsize=12, x=0.01, ha="left")


def _patches(axes: Any, arrays: Arrays) -> None:
    """Draw the noisy and the denoised patch on the same range, and their difference."""
    noisy, denoised = arrays["noisy"], arrays["denoised"]
    low, high = float(denoised.min()), float(denoised.max())
    _picture(axes[0], _stretched(noisy, low, high), "noisy y")
    _picture(axes[1], _stretched(denoised, low, high), "denoised f(y)")
    removed = noisy - denoised
    _picture(axes[2], _signed(removed, float(np.abs(removed).max()) or 1.0), "removed y - f(y)")


def _spectrum(axes: Axes, arrays: Arrays) -> None:
    _, values = _floored(arrays["singular_values"], FLOOR)
    axes.semilogy(np.arange(1, len(values) + 1), values, color=BLUE)
    d = float(arrays["effective_dimensionality"])
    if d <= 1.1 * len(values):
        axes.axvline(d, color=RED, linewidth=1)
    axes.set(xlabel="i", ylabel="s_i", title=f"{caption(arrays)}; red: d = {d:.1f}")
    axes.title.set_fontsize(10)
    axes.grid(alpha=0.2)


def _vectors(axes: Any, arrays: Arrays) -> None:
    # Unit vectors of N values have a root mean square of 1 / sqrt(N).
    limit = 3 / float(np.sqrt(arrays["noisy"].size))
    for place in range(axes.shape[1]):
        index = int(arrays["indices"][place])
        value, agreement = arrays["singular_values"][index], arrays["symmetry"][index]
        title = f"{index + 1}: s = {value:.3g}\nu·v = {agreement:.2f}"
        _picture(axes[0][place], _signed(arrays["left"][place], limit), title)
        _picture(axes[1][place], _signed(arrays["right"][place], limit), "")


def _picture(axes: Axes, pixels: AnyArray, title: str) -> None:
    """Draw pixels in [0, 1]: (H, W) in gray, or (H, W, 3)."""
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_title(title, fontsize=9)
    axes.set_axis_off()


def _stretched(patch: AnyArray, low: float, high: float) -> AnyArray:
    """Scale a patch (C, P, Q) in its own intensities to a picture in [0, 1]: (P, Q) or (P, Q, 3)."""
    scaled = np.clip((patch - low) / ((high - low) or 1.0), 0, 1)
    return scaled[0] if len(scaled) == 1 else np.moveaxis(scaled, 0, -1)


def _signed(patch: AnyArray, limit: float) -> AnyArray:
    """Turn a signed patch (C, P, Q) into a picture (P, Q, 3): blue below 0, red above; in color, 0 is mid-gray."""
    scaled = np.clip(patch / limit, -1, 1)
    if len(scaled) > 1:
        return np.moveaxis(scaled / 2 + 0.5, 0, -1)
    maps = optional("matplotlib", extra="plot", purpose="plotting")
    colors: AnyArray = maps.colormaps["RdBu_r"](scaled[0] / 2 + 0.5)
    return colors[..., :3]
