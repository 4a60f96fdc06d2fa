"""The page that a figure is drawn on: sections below one another, and everything in them placed in pixels.

matplotlib's own layouts guarantee neither pictures of equal size nor text without overlap.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Rectangle
from PIL import Image

#: Page width, and a density at which 8-point text is 18 pixels high: sharp on a screen, readable in print.
WIDTH_PX, DPI = 1600, 160
MARGIN_PX, GAP_PX = 64, 16
#: Gap between pictures of one tile.
SEAM_PX = 4
#: Distance from the title of a section to its content.
TITLE_PX = 44
HEADING_PT, TITLE_PT, TEXT_PT, SMALL_PT = 13.0, 10.0, 8.0, 7.0
LINE_SPACING = 1.3
INK, MUTED, FAINT = "#1a1a1a", "#666666", "#c3ccd5"


@dataclass(frozen=True)
class Tile:
    """A stack of pictures with at most two lines of text below."""

    images: tuple[Image.Image, ...]
    caption: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """The arrangement of tiles in rows.

    Attributes:
        columns: Tiles per row of the page.
        aspect: Height of the pictures divided by their width.
        text_pt: Text size of the captions.
        names: Name of each picture in a stack.
    """

    columns: int
    aspect: float
    text_pt: float
    names: tuple[str, ...] = ("",)

    @property
    def pitch_px(self) -> float:
        """Return the distance from one column to the next."""
        return (WIDTH_PX - 2 * MARGIN_PX + GAP_PX) / self.columns

    @property
    def width_px(self) -> float:
        """Return the width of the box that holds a picture."""
        return self.pitch_px - GAP_PX

    @property
    def height_px(self) -> float:
        """Return the height of that box: at most its width, but enough for a name beside it."""
        return max(self.width_px * min(self.aspect, 1), line_px(TEXT_PT))

    @property
    def row_px(self) -> float:
        """Return the distance from one row to the next."""
        return len(self.names) * (self.height_px + SEAM_PX) + 2 * line_px(self.text_pt) + GAP_PX

    def total_px(self, tiles: int) -> int:
        """Return the total height of a number of tiles."""
        return round(-(-tiles // self.columns) * self.row_px)


@dataclass(frozen=True)
class Section:
    """A band across the page.

    Attributes:
        height_px: Its height.
        draw: Function that draws its content.
    """

    height_px: int
    draw: Callable[["Canvas"], None]


class Canvas:
    """A section being drawn.

    Args:
        part: Its part of the figure.
        height_px: Its height.
    """

    def __init__(self, part: SubFigure, height_px: int) -> None:
        self._part, self._height_px = part, height_px
        self._page = self.axes(0, 0, WIDTH_PX, height_px)
        self._page.set(xlim=(0, WIDTH_PX), ylim=(height_px, 0))
        self._page.set_axis_off()

    def axes(self, x: float, y: float, width: float, height: float) -> Axes:
        """Add axes for a plot."""
        down = self._height_px
        return self._part.add_axes((x / WIDTH_PX, 1 - (y + height) / down, width / WIDTH_PX, height / down))

    def text(self, x: float, y: float, text: str, *, size: float = TEXT_PT, color: str = INK, **style: Any) -> None:
        """Write a line of text, the top of the line at ``y``; texts of one size and ``y`` share their baseline."""
        self._page.text(x, y + 0.75 * line_px(size), text, size=size, color=color, va="baseline", **style)

    def title(self, x: float, text: str) -> None:
        """Write the title of the section, or of the part that begins at ``x``."""
        self.text(x, 0, text, size=TITLE_PT, weight="bold")

    def image(self, image: Image.Image, x: float, y: float, width: float, height: float) -> None:
        """Show a picture in the middle of a box, as large as fits, with square pixels."""
        scale = min(width / image.width, height / image.height)
        across, down = image.width * scale, image.height * scale
        self.stretched(image, x + (width - across) / 2, y + (height - down) / 2, across, down)

    def stretched(self, image: Image.Image, x: float, y: float, width: float, height: float) -> None:
        """Show a picture that fills a rectangle, with a thin frame."""
        pixels = np.asarray(image.convert("RGB"))
        self._page.imshow(pixels, extent=(x, x + width, y + height, y), aspect="auto")
        self._page.add_patch(Rectangle((x, y), width, height, fill=False, edgecolor=FAINT, linewidth=0.5))

    def tiles(self, tiles: Sequence[Tile], grid: Grid, x: float, y: float) -> None:
        """Lay out tiles, the first one at (x, y)."""
        for place, tile in enumerate(tiles):
            row, column = divmod(place, grid.columns)
            self._tile(tile, grid, x + column * grid.pitch_px, y + row * grid.row_px)
            if column == 0:
                self._names(grid, x, y + row * grid.row_px)

    def _tile(self, tile: Tile, grid: Grid, x: float, y: float) -> None:
        for image in tile.images:
            self.image(image, x, y, grid.width_px, grid.height_px)
            y += grid.height_px + SEAM_PX
        for line in tile.caption:
            self.text(x + grid.width_px / 2, y, line, size=grid.text_pt, ha="center")
            y += line_px(grid.text_pt)

    def _names(self, grid: Grid, x: float, y: float) -> None:
        """Write the names of the pictures left of a row, in the margin."""
        for place, name in enumerate(grid.names):
            middle = y + place * (grid.height_px + SEAM_PX) + grid.height_px / 2
            self.text(x - GAP_PX / 2, middle - line_px(TEXT_PT) / 2, name, color=MUTED, ha="right")


def line_px(text_pt: float) -> float:
    """Return the height of a line of text of this size."""
    return text_pt * DPI / 72 * LINE_SPACING


def draw(sections: Sequence[Section], *, title: str) -> bytes:
    """Draw sections below one another.

    Returns:
        A PNG, ``WIDTH_PX`` pixels wide and as high as all sections together.
    """
    heights = [section.height_px for section in sections]
    page = Figure(figsize=(WIDTH_PX / DPI, sum(heights) / DPI), dpi=DPI)
    parts = page.subfigures(len(sections), 1, squeeze=False, height_ratios=heights, hspace=0)
    for part, section in zip(parts[:, 0], sections, strict=True):
        section.draw(Canvas(part, section.height_px))
    buffer = io.BytesIO()
    page.savefig(buffer, format="png", metadata={"Title": title})
    return buffer.getvalue()
