"""The findings as figures."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, ScalarFormatter
from PIL import Image

from biasfree.analysis.key_numbers import number
from biasfree.analysis.pictures import intensity_image, signed_image, vector_limit
from training.reproduce.pages import BLUE, GRAY, LIGHT, RED, plain
from training.reproduce.spectrum import gallery, published, spectra
from training.reproduce.spectrum.dimensionality import slope
from training.reproduce.spectrum.findings import Findings
from training.reproduce.spectrum.gallery import Gallery
from training.reproduce.spectrum.subspaces import SMALL

#: Smaller shares of the largest singular value are float32 rounding error.
FLOOR = 1e-6


def figures(findings: Findings) -> Mapping[str, Figure]:
    """Draw all figures, by the name of their files."""
    return {
        "spectra": _spectra(findings),
        "singular-vectors": _vectors(findings),
        "dimensionality": _dimensionality(findings),
    }


def _spectra(findings: Findings) -> Figure:
    """Draw the report's figure 3."""
    figure = Figure(figsize=(10, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    _values(left, findings.spectra.singular_values)
    _symmetry(right, findings)
    figure.suptitle(f"{findings.subject}, sigma {spectra.SIGMA_255:g}", size=10)
    return figure


def _values(axes: Axes, values: npt.NDArray[np.float32]) -> None:
    floor = values.max() * FLOOR
    places = np.arange(1, values.shape[1] + 1)
    axes.semilogy(places, np.maximum(values, floor).T, color=BLUE, linewidth=0.8, alpha=0.6)
    axes.axhline(SMALL, color=GRAY, linewidth=1, linestyle="--")
    axes.set(xlabel="place i in the spectrum", ylabel="singular value $s_i$", xlim=(0, values.shape[1]))
    plain(axes)


def _symmetry(axes: Axes, findings: Findings) -> None:
    passed = findings.spectra.singular_values > SMALL
    groups = [findings.spectra.symmetry[chosen] for chosen in (passed, ~passed)]
    labels = [f"$s_i$ > {SMALL:g} ({passed.mean():.0%})", f"the rest ({(~passed).mean():.0%})"]
    least = np.floor(4 * findings.spectra.symmetry.min()) / 4
    axes.hist(groups, bins=50, range=(least, 1), stacked=True, color=[BLUE, LIGHT], label=labels)
    axes.set(xlabel=r"$u_i \cdot v_i$", ylabel="vectors", xlim=(least, 1.01))
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    plain(axes)


def _vectors(findings: Findings) -> Figure:
    """Draw the report's figure 4: per image a row of left and a row of right vectors."""
    columns = 1 + max(len(each.indices) for each in findings.galleries)
    figure = Figure(figsize=(1.2 * columns, 2.7 * len(findings.galleries)), layout="constrained")
    parts = figure.subfigures(len(findings.galleries), 1, squeeze=False, hspace=0.04)[:, 0]
    for part, each in zip(parts, findings.galleries, strict=True):
        axes = part.subplots(2, columns, squeeze=False)
        _photograph(axes[:, 0], each)
        _pairs(axes[:, 1:], each)
    return figure


def _photograph(axes: npt.NDArray[np.object_], each: Gallery) -> None:
    black, white = float(each.clean.min()), float(each.clean.max())
    for axis, values in zip(axes, (each.noisy, each.denoised), strict=True):
        _show(axis, intensity_image(values, black=black, white=white if black < white else black + 1))
    axes[0].set_title(f"noisy, $\\sigma$ = {gallery.SIGMA_255:g}", size=8, pad=4)
    axes[1].set_xlabel(f"denoised, $d$ = {each.effective_dimensionality:.0f}", size=8)


def _pairs(axes: npt.NDArray[np.object_], each: Gallery) -> None:
    limit = vector_limit(each.clean.size)
    for column in axes.T[len(each.indices) :]:
        for axis in column:
            axis.set_axis_off()
    for place, (upper, lower) in enumerate(axes.T[: len(each.indices)]):
        _show(upper, signed_image(each.left[place], limit=limit))
        _show(lower, signed_image(each.right[place], limit=limit))
        upper.set_title(f"$s_{{{each.indices[place] + 1}}}$ = {number(each.singular_values[place], 2)}", size=8, pad=4)
        lower.set_xlabel(rf"$u \cdot v$ = ${each.symmetry[place]:z.2f}$", size=8)
    for axis, name in zip(axes[:, 0], "uv", strict=True):
        axis.set_ylabel(f"${name}$", size=9, rotation=0, labelpad=6, va="center")


def _show(axes: Axes, picture: Image.Image) -> None:
    axes.imshow(np.asarray(picture.convert("RGB")), interpolation="nearest")
    axes.set(xticks=(), yticks=())
    axes.spines[:].set(color=LIGHT, linewidth=0.5)


def _dimensionality(findings: Findings) -> Figure:
    found = findings.dimensionality
    figure = Figure(figsize=(6.2, 4.2), layout="constrained")
    axes = figure.add_subplot()
    axes.loglog(found.sigmas_255, found.values, color=BLUE, linewidth=0.6, alpha=0.35)
    _power_law(axes, dict(zip(found.sigmas_255, found.means, strict=True)), "o", BLUE, f"{findings.model}, mean")
    _power_law(axes, published.DIMENSIONALITY, "s", RED, "the paper's BF-CNN")
    axes.plot([], color=BLUE, linewidth=0.6, alpha=0.35, label=f"{findings.model}, each image")
    axes.set(xlabel="noise sigma (0-255 scale)", ylabel="effective dimensionality $d$")
    axes.set_title(findings.subject, size=10)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(ScalarFormatter())
        axis.set_minor_locator(NullLocator())
    axes.legend(frameon=False, fontsize=8)
    plain(axes)
    return figure


def _power_law(axes: Axes, values: Mapping[float, float], marker: str, color: str, name: str) -> None:
    """Draw the means of d against sigma, and the least-squares line through them."""
    sigmas_255 = [*values]
    exponent = slope(sigmas_255, [*values.values()])
    middle, level = (np.exp(np.mean(np.log(each))) for each in (sigmas_255, [*values.values()]))
    axes.loglog(sigmas_255, level * (sigmas_255 / middle) ** exponent, color=color, linewidth=1)
    axes.loglog(
        sigmas_255, [*values.values()], marker, color=color, mfc="white", label=f"{name}, slope ${exponent:.2f}$"
    )
