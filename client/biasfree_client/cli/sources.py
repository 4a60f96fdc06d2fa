"""The images that a command works on: files, folders and patterns, and files that arrive while it watches."""

import glob
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from biasfree_client._formats import BY_SUFFIX
from biasfree_client.cli.failure import UsageError

#: Modification time in nanoseconds, and size.
Stamp = tuple[int, int]
#: Seconds between two looks at a folder; a file that is being copied grows within that time.
LOOK_EVERY_S = 1.0


@dataclass(frozen=True)
class Source:
    """An image, and its place below a folder of results, so that a tree of folders keeps its shape."""

    path: Path
    place: Path


@dataclass(frozen=True)
class Selection:
    """The inputs of a command.

    Args:
        inputs: Files, folders and patterns as typed.
        recursive: Search subfolders too.
        leave_out: Folder to skip, because the results may lie among the images.
        made: Ending of the names (before the suffix) of results that lie beside the images.
    """

    inputs: Sequence[str]
    recursive: bool = False
    leave_out: Path | None = None
    made: str | None = None

    def find(self) -> list[Source]:
        """List the images that exist now, each once, sorted within each input.

        Folders and patterns give only files with the suffix of an image; a file named in full is always taken.

        Raises:
            UsageError: An input matches nothing.
        """
        found: dict[Path, Source] = {}
        for text in self.inputs:
            for source in self._of(text):
                found.setdefault(source.path.absolute(), source)
        return list(found.values())

    @property
    def single(self) -> bool:
        """Return whether the input is one file, and not a folder or a pattern."""
        return len(self.inputs) == 1 and Path(self.inputs[0]).is_file()

    def _of(self, text: str) -> Iterator[Source]:
        path = Path(text)
        if path.is_dir():
            yield from self._in_folder(path, path)
        elif path.exists():
            yield Source(path, Path(path.name))
        elif glob.has_magic(text):
            yield from self._matching(text)
        else:
            raise UsageError(f"{text}: no such file or directory, and not a glob pattern")

    def _in_folder(self, folder: Path, root: Path) -> Iterator[Source]:
        for path in sorted(folder.iterdir()):
            if path.is_dir():
                if self.recursive and not path.name.startswith(".") and not self._is_left_out(path):
                    yield from self._in_folder(path, root)
            elif self._is_image(path):
                yield Source(path, path.relative_to(root))

    def _matching(self, pattern: str) -> Iterator[Source]:
        root = _root(pattern)
        matches = sorted(root.glob(str(Path(pattern).relative_to(root))))
        images = [path for path in matches if path.is_file() and self._is_image(path)]
        if not images:
            raise UsageError(f"{pattern}: no image matches")
        yield from (Source(path, path.relative_to(root)) for path in images if not self._is_left_out(path.parent))

    def _is_image(self, path: Path) -> bool:
        made = self.made is not None and path.stem.endswith(self.made)
        return path.suffix.lower() in BY_SUFFIX and not made and not path.name.startswith(".")

    def _is_left_out(self, folder: Path) -> bool:
        return self.leave_out is not None and folder.resolve().is_relative_to(self.leave_out.resolve())


class Arrivals:
    """The files that arrived or changed, each when it is complete: unchanged since the previous look.

    Args:
        stamp: Returns a file's stamp, or None if it is gone.
    """

    def __init__(self, stamp: Callable[[Path], Stamp | None] | None = None) -> None:
        self._stamp = stamp or stamp_of
        self._seen: dict[Path, Stamp] = {}
        self._taken: dict[Path, Stamp] = {}

    def ready(self, sources: Iterable[Source]) -> list[Source]:
        """Return the sources that are complete now, and were not returned before in this state."""
        now = {source.path: stamp for source in sources if (stamp := self._stamp(source.path)) is not None}
        ready = {path: stamp for path, stamp in now.items() if self._seen.get(path) == stamp != self._taken.get(path)}
        self._seen = now
        self._taken.update(ready)
        return [source for source in sources if source.path in ready]


def stamp_of(path: Path) -> Stamp | None:
    """Return a file's modification time and size, or None if it is gone."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _root(pattern: str) -> Path:
    """Return the folders of a pattern before its first wildcard."""
    fixed = []
    for part in Path(pattern).parts[:-1]:
        if glob.has_magic(part):
            break
        fixed.append(part)
    return Path(*fixed)
