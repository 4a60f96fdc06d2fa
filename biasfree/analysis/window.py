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
        """Whether it holds no pixel."""
        return self.bottom <= self.top or self.right <= self.left

    @property
    def rows(self) -> slice:
        """Its rows."""
        return slice(self.top, self.bottom)

    @property
    def columns(self) -> slice:
        """Its columns."""
        return slice(self.left, self.right)

    def shifted(self, rows: int, columns: int) -> "Window":
        """So many pixels down and to the right."""
        return Window(self.top + rows, self.left + columns, self.bottom + rows, self.right + columns)

    def extended(self, rows: int, columns: int) -> "Window":
        """So many pixels more at the bottom and on the right."""
        return Window(self.top, self.left, self.bottom + rows, self.right + columns)

    def within(self, other: "Window") -> "Window":
        """The part that lies in ``other``."""
        return Window(
            max(self.top, other.top),
            max(self.left, other.left),
            min(self.bottom, other.bottom),
            min(self.right, other.right),
        )

    def around(self, other: "Window") -> "Window":
        """The smallest window that holds both."""
        if self.empty or other.empty:
            return other if self.empty else self
        return Window(
            min(self.top, other.top),
            min(self.left, other.left),
            max(self.bottom, other.bottom),
            max(self.right, other.right),
        )

    def seen_from(self, other: "Window") -> "Window":
        """The same, counted from the corner of ``other``."""
        return Window(self.top - other.top, self.left - other.left, self.bottom - other.top, self.right - other.left)

    def in_cells(self, cell: tuple[int, int]) -> "Window":
        """The cells of so many rows and columns that it touches, on their own grid."""
        rows, columns = cell
        return Window(self.top // rows, self.left // columns, -(-self.bottom // rows), -(-self.right // columns))

    def times(self, cell: tuple[int, int]) -> "Window":
        """What a window on the grid of such cells covers."""
        rows, columns = cell
        return Window(self.top * rows, self.left * columns, self.bottom * rows, self.right * columns)


NOWHERE = Window(0, 0, 0, 0)
