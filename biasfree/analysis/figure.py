"""A report as one figure: the patch, its key numbers, the spectrum, its vectors and the equivalent filters."""

import math

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, StrMethodFormatter

from biasfree.analysis.key_numbers import key_numbers, measured, number
from biasfree.analysis.layout import (
    FAINT,
    GAP_PX,
    HEADING_PT,
    INK,
    MARGIN_PX,
    MUTED,
    SMALL_PT,
    TEXT_PT,
    TITLE_PX,
    WIDTH_PX,
    Canvas,
    Grid,
    Section,
    Tile,
    draw,
    line_px,
)
from biasfree.analysis.pictures import intensity_image, intensity_range, signed_image, vector_limit
from biasfree.analysis.report import Filter, Measured, Report

#: The ends of the pictures' color map, so that plots and pictures share their colors.
BLUE, RED = "#2166ac", "#b2182b"
#: A vector counts as passed above this singular value; below it, u . v says little.
PASSED = 0.1
#: The spectrum is drawn down to this share of its largest value: anything below is rounding error or zero.
FLOOR = 1e-6
#: Most vectors in a gallery -> its columns and text size in points.
GALLERIES = {8: (8, 7.0), 24: (12, 6.0), 10**9: (16, 5.0)}
#: Up to this many vectors per end, both ends fit side by side.
FEW = 3
SUBTITLE = r"The Jacobian $A = \Sigma\, s_i\, u_i v_i^T$ of the network $f$ at the noisy patch $y$"
CHANNELS = ("red", "green", "blue")


def figure(report: Report, *, title: str = "Analysis of a patch") -> bytes:
    """Draw a report as a PNG, 1600 pixels wide; its height grows with the number of vectors and filters.

    Args:
        report: The analysis.
        title: Heading of the figure.
    """
    return draw([_overview(report, title), _plots(report), *_galleries(report), _filters(report)], title=title)


def _overview(report: Report, title: str) -> Section:
    """Return the section with the heading, the patch before and after, and the key numbers."""
    rows, top = key_numbers(report), 126
    grid, row_px = Grid(columns=6, aspect=_aspect(report), text_pt=TEXT_PT), line_px(TEXT_PT)

    def fill(canvas: Canvas) -> None:
        canvas.text(MARGIN_PX, 36, title, size=HEADING_PT, weight="bold", parse_math=False)
        canvas.text(MARGIN_PX, 78, SUBTITLE, color=MUTED)
        canvas.tiles(_patches(report), grid, MARGIN_PX, top)
        x = MARGIN_PX + 3 * grid.pitch_px + 2 * GAP_PX
        for place, (name, value) in enumerate(rows):
            canvas.text(x, top + place * row_px, name, color=MUTED)
            canvas.text(x + 300, top + place * row_px, value)

    return Section(round(top + max(grid.row_px, (len(rows) + 1) * row_px)), fill)


def _patches(report: Report) -> list[Tile]:
    """Return the noisy and the denoised patch, and the clean patch if known, otherwise what was removed."""
    black, white = intensity_range(report)
    patches = {"noisy $y$": report.noisy, "denoised $f(y)$": report.denoised}
    if report.clean is not None:
        patches["clean $x$"] = report.clean
    tiles = [Tile((intensity_image(each, black=black, white=white),), (name,)) for name, each in patches.items()]
    if report.clean is None:
        removed = report.noisy - report.denoised
        limit = float(np.abs(removed).max()) or 1.0
        tiles.append(Tile((signed_image(removed, limit=limit),), ("removed $y - f(y)$",)))
    return tiles


def _plots(report: Report) -> Section:
    """Return the section with the spectrum and the symmetry of its vectors."""
    top, height, width, indent = TITLE_PX + 32, 300, 900, 60
    right = MARGIN_PX + width + 130

    def fill(canvas: Canvas) -> None:
        canvas.title(MARGIN_PX, "Singular values")
        _spectrum(canvas.axes(MARGIN_PX + indent, top, width - indent, height), report)
        canvas.title(right - indent, "Do left and right vectors agree?")
        _symmetry(canvas.axes(right, top, WIDTH_PX - MARGIN_PX - right, height), report)

    return Section(top + height + 88, fill)


def _spectrum(axes: Axes, report: Report) -> None:
    """Plot s_i on a log axis and mark d."""
    values, d = report.singular_values, report.effective_dimensionality
    known, largest = len(values), float(values.max()) or 1.0
    floor = largest * FLOOR
    drawn = np.maximum(values, floor)
    axes.semilogy(np.arange(1, known + 1), drawn, ".-" if known <= 100 else "-", color=BLUE)
    below = int(np.sum(values < floor))
    if below:
        text = f"{below:,} below {number(floor, 1)}"
        axes.text(1, 1.03, text, size=SMALL_PT, color=MUTED, ha="right", transform=axes.transAxes)
    last = max(known, d.value) if d.value <= 2 * known else known
    axes.set(xlim=(0, last + 1), xlabel="$i$", ylabel="$s_i$")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _decades(axes, float(drawn.min()), largest)
    _mark(axes, d, last=last)
    _plain(axes)


def _decades(axes: Axes, smallest: float, largest: float) -> None:
    """Set the limits of the log axis, with room for a label at the top; use plain numbers over few powers of ten."""
    decades = max(math.log10(largest / smallest), 0.5)
    axes.set_ylim(smallest * 10 ** (-0.1 * decades), largest * 10 ** (0.2 * decades))
    if decades < 1.5:
        axes.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.yaxis.set_minor_formatter(StrMethodFormatter("{x:g}"))


def _mark(axes: Axes, d: Measured, *, last: float) -> None:
    """Mark the effective dimensionality with a line, or with a label if it lies outside the plot."""

    def write(x: float, text: str, align: str) -> None:
        axes.text(x, 0.98, text, ha=align, va="top", size=TEXT_PT, color=RED, transform=axes.get_xaxis_transform())

    if d.value > last:
        write(last, rf"$d$ = {measured(d)} $\rightarrow$", "right")
        return
    axes.axvline(d.value, color=RED, linewidth=1)
    axes.axvspan(0, d.value, color=RED, alpha=0.05, linewidth=0)
    before = d.value > 0.7 * last
    write(d.value + (-0.01 if before else 0.01) * last, f"$d$ = {measured(d)}", "right" if before else "left")


def _symmetry(axes: Axes, report: Report) -> None:
    """Plot a histogram of u_i . v_i, separately for the vectors that pass and for the others."""
    passed = report.singular_values > PASSED
    groups = [np.clip(report.symmetry[chosen], -1, 1) for chosen in (passed, ~passed)]
    labels = [rf"$s_i$ > {PASSED:g} ({passed.sum():,})", f"the rest ({(~passed).sum():,})"]
    axes.hist(groups, bins=40, range=(-1, 1), stacked=True, color=[BLUE, FAINT], label=labels)
    axes.set(xlim=(-1.02, 1.02), xlabel=r"$u_i \cdot v_i$", ylabel="vectors", xticks=(-1, -0.5, 0, 0.5, 1))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, fontsize=SMALL_PT, borderaxespad=0.2)
    _plain(axes)


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(MUTED)
    axes.tick_params(which="both", labelsize=SMALL_PT, color=MUTED, labelcolor=MUTED)
    axes.xaxis.label.set(size=TEXT_PT, color=INK)
    axes.yaxis.label.set(size=TEXT_PT, color=INK)


def _galleries(report: Report) -> list[Section]:
    """Return the sections with singular vectors from the upper end of the spectrum, and from the lower if known."""
    indices = report.vectors.indices
    ends = np.split(np.arange(len(indices)), np.flatnonzero(np.diff(indices) > 1) + 1)
    if max(map(len, ends)) <= FEW:
        return [_gallery(report, ends)]
    return [_gallery(report, [end]) for end in ends]


def _gallery(report: Report, ends: list[npt.NDArray[np.intp]]) -> Section:
    """Return a section with ends of the spectrum side by side."""
    most = max(map(len, ends))
    columns, text_pt = next(style for limit, style in GALLERIES.items() if most <= limit)
    grid = Grid(columns, _aspect(report), text_pt, names=("$u_i$", "$v_i$"))

    def fill(canvas: Canvas) -> None:
        _scale(canvas, report)
        for place, end in enumerate(ends):
            x = MARGIN_PX + place * (FEW + 1) * grid.pitch_px
            canvas.title(x, _title(report, end))
            canvas.tiles([_pair(report, each) for each in end], grid, x, TITLE_PX)

    return Section(TITLE_PX + grid.total_px(most) + GAP_PX, fill)


def _title(report: Report, end: npt.NDArray[np.intp]) -> str:
    if len(end) == report.noisy.size:
        return "All singular vectors"
    return "Largest singular values" if report.vectors.indices[end[0]] == 0 else "Smallest singular values"


def _scale(canvas: Canvas, report: Report) -> None:
    """Draw the color scale of the vectors at the right."""
    limit, right = vector_limit(report.noisy.size), WIDTH_PX - MARGIN_PX
    if len(report.noisy) == 3:
        text = rf"mid-gray is 0, channels end at $\pm${number(limit, 2)}"
        canvas.text(right, 6, text, size=SMALL_PT, color=MUTED, ha="right")
        return
    ramp = signed_image(np.linspace(-limit, limit, 256).reshape(1, 1, -1), limit=limit)
    canvas.stretched(ramp, right - 260, 8, 200, 16)
    canvas.text(right - 270, 4, number(-limit, 2), size=SMALL_PT, color=MUTED, ha="right")
    canvas.text(right - 52, 4, number(limit, 2), size=SMALL_PT, color=MUTED)


def _pair(report: Report, place: int) -> Tile:
    vectors, limit = report.vectors, vector_limit(report.noisy.size)
    index = vectors.indices[place]
    images = tuple(signed_image(each[place], limit=limit) for each in (vectors.left, vectors.right))
    value = number(report.singular_values[index], 3 if report.singular_values[index] >= 0.001 else 1)
    return Tile(images, (f"$s_{{{index + 1}}}$ = {value}", rf"$u \cdot v$ = ${report.symmetry[index]:z.2f}$"))


def _filters(report: Report) -> Section:
    """Return the section with the equivalent filters, rows of A."""
    grid = Grid(columns=8, aspect=_aspect(report), text_pt=SMALL_PT)

    def fill(canvas: Canvas) -> None:
        canvas.title(MARGIN_PX, "Equivalent filters: rows of $A$")
        canvas.tiles([_filter(each) for each in report.filters], grid, MARGIN_PX, TITLE_PX)

    return Section(TITLE_PX + grid.total_px(len(report.filters)) + GAP_PX, fill)


def _filter(each: Filter) -> Tile:
    channel = f" {CHANNELS[each.channel]}" if len(each.weights) == 3 else ""
    peak = float(np.abs(each.weights).max())
    caption = (f"({each.x}, {each.y}){channel}", f"sum ${each.total:.3f}$, peak {number(peak, 2)}")
    return Tile((signed_image(each.weights, limit=peak or 1.0),), caption)


def _aspect(report: Report) -> float:
    return report.patch.height / report.patch.width
