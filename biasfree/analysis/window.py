"""Rectangles of a pixel grid."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """Rows ``top`` to ``bottom`` and columns ``left`` to ``right``, the ends excluded."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def empty(self) -> bool:
        """Tell whether it contains no pixel."""
        return self.bottom <= self.top or self.right <= self.left

    @property
    def rows(self) -> slice:
        """Return its rows as a slice."""
        return slice(self.top, self.bottom)

    @property
    def columns(self) -> slice:
        """Return its columns as a slice."""
        return slice(self.left, self.right)

    def shifted(self, rows: int, columns: int) -> "Window":
        """Move it down and to the right."""
        return Window(self.top + rows, self.left + columns, self.bottom + rows, self.right + columns)

    def extended(self, rows: int, columns: int) -> "Window":
        """Add pixels at the bottom and on the right."""
        return Window(self.top, self.left, self.bottom + rows, self.right + columns)

    def within(self, other: "Window") -> "Window":
        """Return the part that lies in ``other``."""
        return Window(
            max(self.top, other.top),
            max(self.left, other.left),
            min(self.bottom, other.bottom),
            min(self.right, other.right),
        )

    def around(self, other: "Window") -> "Window":
        """Return the smallest window that contains both."""
        if self.empty or other.empty:
            return other if self.empty else self
        return Window(
            min(self.top, other.top),
            min(self.left, other.left),
            max(self.bottom, other.bottom),
            max(self.right, other.right),
        )

    def seen_from(self, other: "Window") -> "Window":
        """Return it in coordinates counted from the corner of ``other``."""
        return Window(self.top - other.top, self.left - other.left, self.bottom - other.top, self.right - other.left)

    def in_cells(self, cell: tuple[int, int]) -> "Window":
        """Return the cells that it touches, in coordinates of the grid of cells."""
        rows, columns = cell
        return Window(self.top // rows, self.left // columns, -(-self.bottom // rows), -(-self.right // columns))

    def times(self, cell: tuple[int, int]) -> "Window":
        """Return the pixels that a window on the grid of cells covers."""
        rows, columns = cell
        return Window(self.top * rows, self.left * columns, self.bottom * rows, self.right * columns)


NOWHERE = Window(0, 0, 0, 0)
