"""Files that are complete, told by their standing still."""

from collections.abc import Callable, Iterable
from pathlib import Path

from biasfree_client.cli.sources import Source

#: Modification time in nanoseconds, and size.
Stamp = tuple[int, int]
#: A copy under way grows between two looks at it that are so far apart.
LOOK_EVERY_S = 1.0


class Arrivals:
    """Which files came or changed, and are the same as at the last look: a file that is being copied is not ready.

    Args:
        stamp: Gives a file's stamp, or None where it is gone.
    """

    def __init__(self, stamp: Callable[[Path], Stamp | None] | None = None) -> None:
        self._stamp = stamp or stamp_of
        self._seen: dict[Path, Stamp] = {}
        self._taken: dict[Path, Stamp] = {}

    def ready(self, sources: Iterable[Source]) -> list[Source]:
        """Those of ``sources`` that are ready now and were not given before as they are."""
        now = {source.path: stamp for source in sources if (stamp := self._stamp(source.path)) is not None}
        ready = {path: stamp for path, stamp in now.items() if self._seen.get(path) == stamp != self._taken.get(path)}
        self._seen = now
        self._taken.update(ready)
        return [source for source in sources if source.path in ready]


def stamp_of(path: Path) -> Stamp | None:
    """When a file was changed, and how large it is."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
