"""The progress of the request that is being handled, for whoever asks while it runs."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Standing:
    """The place of a request in the queue, and what is left of it.

    Attributes:
        place: Place among the requests whose tiles wait, counted from 1; None if none of its tiles wait.
        seconds_left: Predicted seconds until its tiles are done, work of others included; None if not known.
        running: True if its work has begun.
    """

    place: int | None = None
    seconds_left: float | None = None
    running: bool = False


@dataclass(eq=False)
class Progress:
    """The progress of one request. The event loop and the device threads write it, without a lock of its own.

    Attributes:
        tiles_total: Tiles of all its frames, planes and passes; None if not known yet.
        tiles_done: Tiles that are done.
        begun: True once a device thread has taken a tile.
        standing: Function that returns where it stands now, set by the backend.
    """

    tiles_total: int | None = None
    tiles_done: int = 0
    begun: bool = False
    standing: Callable[[], Standing] = field(default=Standing)

    @property
    def tiles_left(self) -> int:
        """Return the number of tiles that are expected and not done."""
        return max(0, (self.tiles_total or 0) - self.tiles_done)

    def expect(self, tiles: int) -> None:
        """Set the total, which grows if the device needed smaller tiles."""
        self.tiles_total = max(tiles, self.tiles_total or 0)

    def done(self) -> None:
        """Count a tile."""
        self.tiles_done += 1
        if self.tiles_total is not None:
            self.tiles_total = max(self.tiles_total, self.tiles_done)


#: The progress of the request of the current task; None if nobody can ask for it.
CURRENT: ContextVar[Progress | None] = ContextVar("progress", default=None)
