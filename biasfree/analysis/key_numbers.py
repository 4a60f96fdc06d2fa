"""The key numbers of a report as text for people, with formulas in matplotlib's mathtext."""

from biasfree.analysis.report import Measured, Report, WholeImage


def key_numbers(report: Report) -> list[tuple[str, str]]:
    """Return the key numbers of a report as pairs of name and value."""
    return [
        *_patch(report),
        *_spectrum(report),
        *_linearity(report),
        *([] if report.image is None else _image(report.image)),
    ]


def _patch(report: Report) -> list[tuple[str, str]]:
    patch, kind = report.patch, "gray" if len(report.noisy) == 1 else "color"
    where = rf"{patch.width} $\times$ {patch.height} {kind} at ({patch.x}, {patch.y})"
    return [
        ("Patch", f"{where}, $N$ = {report.noisy.size:,}"),
        ("Noise level, 0-255 scale", rf"$\sigma$ ≈ {number(report.sigma_255, 3)}"),
        ("Spectrum", _method(report)),
    ]


def _method(report: Report) -> str:
    known, size = len(report.singular_values), report.noisy.size
    if report.method == "dense":
        return "dense, complete"
    exact = "not all converged" if report.tolerance is None else f"residuals < {number(report.tolerance, 1)} $s_1$"
    return f"iterative, {known:,} of {size:,}, {exact}"


def _spectrum(report: Report) -> list[tuple[str, str]]:
    d, size = report.effective_dimensionality, report.noisy.size
    share = f"{number(100 * d.value / size, 2)} % of $N$"
    rows = [
        ("Effective dimensionality", rf"$d = \Sigma\, s_i^2$ = {measured(d)}, {share}"),
        ("Trace", rf"$\Sigma\, A_{{ii}}$ = {measured(report.trace)}"),
    ]
    if report.nuclear_norm is not None:
        rows.append(("Nuclear norm", rf"$\Sigma\, s_i$ = {number(report.nuclear_norm)}"))
    rows.append(("Asymmetry", rf"$\|A - A^T\|\,/\,\|A\|$ = {measured(report.asymmetry, 3)}"))
    if report.signal_preserved is not None:
        signal = "f(y)" if report.clean is None else "x"
        rows.append((f"${signal}$ in the first $d$ vectors", f"{number(100 * report.signal_preserved)} %"))
    return rows


def _linearity(report: Report) -> list[tuple[str, str]]:
    error = number(report.homogeneity_error, 2)
    rows = [("Homogeneity error", rf"$\|f(y) - A y\|\,/\,\|f(y)\|$ = {error}")]
    if report.net_bias_norm is not None:
        rows.append(("Net bias", rf"$\|f(y) - A y\|$ = {number(report.net_bias_norm)}"))
    if report.layers:
        units = sum(layer.units for layer in report.layers)
        active = sum(layer.units * layer.active for layer in report.layers) / units
        rows.append(("ReLUs active", f"{number(100 * active, 3)} % of {units:,} in {len(report.layers)} layers"))
    if report.linear_region is not None:
        region = report.linear_region
        rows.append(("First ReLU flips at", rf"{number(region.distance, 2)} $\|y\|$, in layer {region.layer + 1}"))
    return rows


def _image(image: WholeImage) -> list[tuple[str, str]]:
    # Without the standard errors of the probes, which are far smaller than the error of such an estimate.
    psnr = "" if image.psnr_db is None else f",  PSNR ≈ {image.psnr_db.value:.1f} dB"
    return [
        ("Whole image", rf"$d$ = {measured(image.effective_dimensionality)},  tr = {measured(image.trace)}"),
        (f"    by {image.probes} probes", rf"$\sigma$ ≈ {image.sigma_255.value:.1f}{psnr}"),
    ]


def measured(of: Measured, digits: int = 4) -> str:
    """Format a number, with its standard error if it has one."""
    error = "" if of.standard_error is None else rf" $\pm$ {number(of.standard_error, 2)}"
    return number(of.value, digits) + error


def number(value: float, digits: int = 4) -> str:
    """Format a number to ``digits`` significant digits, but never round before the decimal point.

    Negative numbers get a true minus sign, tiny ones a power of ten.
    """
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    if value != 0 and abs(value) < 1e-3:
        return rf"${mantissa}{{\times}}10^{{{int(exponent)}}}$"
    decimals = 0 if value == 0 else max(digits - 1 - int(exponent), 0)
    return f"${value:,.{decimals}f}$" if value < 0 else f"{value:,.{decimals}f}"
