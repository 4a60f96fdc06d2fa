"""The findings as tables, beside the paper's numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from training.reproduce.pages import Sheet
from training.reproduce.spectrum import published, subspaces
from training.reproduce.spectrum.activity import LayerActivity
from training.reproduce.spectrum.dimensionality import slope
from training.reproduce.spectrum.findings import Findings


@dataclass(frozen=True)
class _Row:
    """One of the ``Measures``: its field, its label, and the format of its numbers."""

    field: str
    label: str
    format: str


ROWS = (
    _Row("effective_dimensionality", "d = sum of s²", ".1f"),
    _Row("dimensionality_share", "d / N", ".3f"),
    _Row("trace", "tr A", ".1f"),
    _Row("largest", "s_1", ".2f"),
    _Row("amplified", "number of s > 1.5", ".1f"),
    _Row("above_half", "number of s > 0.5", ".0f"),
    _Row("above_tenth", "number of s > 0.1", ".0f"),
    _Row("below_tenth", "share of s < 0.1", ".1%"),
    _Row("below_hundredth", "share of s < 0.01", ".1%"),
    _Row("symmetry_leading", "mean u·v over first d", ".3f"),
    _Row("symmetry_amplified", "mean u·v where s > 1.5", ".3f"),
    _Row("symmetry_passed", "mean u·v where s > 0.1", ".3f"),
    _Row("symmetry_small", "mean u·v where s < 0.1", ".3f"),
    _Row("asymmetry", "asymmetry", ".2f"),
    _Row("signal_preserved", "signal preserved", ".4f"),
    _Row("filter_sum", "filter sums: mean", ".3f"),
    _Row("filter_sum_deviation", "filter sums: deviation", ".3f"),
    _Row("sigma_frobenius_255", "sigma from ‖I - A‖", ".1f"),
    _Row("sigma_trace_255", "sigma from tr A", ".1f"),
    _Row("homogeneity_error", "homogeneity error", ".0e"),
)


def sheets(findings: Findings) -> list[Sheet]:
    """Return all tables."""
    return [_dimensionality(findings), _measures(findings), _nestedness(findings), _activity(findings)]


def _dimensionality(findings: Findings) -> Sheet:
    found = findings.dimensionality
    rows = [
        (
            f"{sigma:g}",
            f"{np.mean(values):.1f}",
            f"{min(values):.0f} to {max(values):.0f}",
            f"{published.DIMENSIONALITY[sigma]:g}",
        )
        for sigma, values in zip(found.sigmas_255, found.values, strict=True)
    ]
    theirs = slope([*published.DIMENSIONALITY], [*published.DIMENSIONALITY.values()])
    slopes = ("log-log slope", f"{found.slope:.2f}", "", f"{theirs:.2f} (stated: {published.SLOPE:.2f})")
    title = f"Effective dimensionality d, N = {findings.size}; BF-CNN: ten other images"
    return Sheet(title, ("sigma", "mean", "of the images", "BF-CNN"), (*rows, slopes))


def _measures(findings: Findings) -> Sheet:
    head = [cell for sigma in subspaces.SIGMAS_255 for cell in (f"{sigma:g}", "BF-CNN")]
    title = f"Means over the images, N = {findings.size}; BF-CNN: one image, N = {published.SIDE**2}"
    return Sheet(title, ("sigma", *head), tuple((row.label, *_cells(findings, row)) for row in ROWS))


def _cells(findings: Findings, row: _Row) -> list[str]:
    known: Mapping[float, float] = published.MEASURES.get(row.field, {})
    cells = []
    for place, sigma in enumerate(subspaces.SIGMAS_255):
        values = [getattr(each.measures[place], row.field) for each in findings.subspaces]
        cells += [_cell(_mean(values), row), _cell(known.get(sigma), row)]
    return cells


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _cell(value: float | None, row: _Row) -> str:
    return "" if value is None else format(value, row.format)


def _nestedness(findings: Findings) -> Sheet:
    low = subspaces.SIGMAS_255[0]
    rows = []
    for place, sigma in enumerate(subspaces.SIGMAS_255[1:]):
        nested = [each.nested[place] for each in findings.subspaces]
        ours = (f"{np.mean([getattr(each, field) for each in nested]):.3f}" for field in ("nestedness", "random"))
        rows.append((f"{sigma:g} in {low:g}", *ours, *(f"{value:g}" for value in published.NESTEDNESS[sigma])))
    return Sheet("Nestedness of the subspaces", ("sigma", "found", "random", "BF-CNN", "random"), tuple(rows))


def _activity(findings: Findings) -> Sheet:
    rows = [
        (str(place), f"{layer.channels} at 1/{layer.reduction}", *_shares(layer))
        for place, layer in enumerate(findings.layers, start=1)
    ]
    head = ("layer", "channels", *(f"sigma {sigma:g}" for sigma in subspaces.SIGMAS_255), "most")
    return Sheet("ReLUs active, whole images: means over them, and the most in any", head, tuple(rows))


def _shares(layer: LayerActivity) -> list[str]:
    """Format the mean at each level and the largest share with two digits; only an exact zero is written as 0."""
    fractions = [*layer.active.mean(axis=1), layer.active.max()]
    return [f"{Decimal(f'{100 * fraction:.1e}'):f} %" if fraction else "0" for fraction in fractions]
