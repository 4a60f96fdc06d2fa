"""Which images a command was given: files, folders and patterns."""

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from biasfree_client.cli.failure import UsageError

#: Endings that are taken from folders; a file that is named is taken whatever it is called.
ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".npy"})


@dataclass(frozen=True)
class Source:
    """An image, and where it belongs below a folder of results: a tree of folders keeps its shape."""

    path: Path
    place: Path


@dataclass(frozen=True)
class Selection:
    """What was asked for.

    Args:
        inputs: Files, folders and patterns as they were typed.
        recursive: Whether folders are searched to the bottom.
        leave_out: A folder that is not searched: the results may lie within the images.
        made: Ending of the names (before the suffix) of results that lie beside the images.
    """

    inputs: Sequence[str]
    recursive: bool = False
    leave_out: Path | None = None
    made: str | None = None

    def find(self) -> list[Source]:
        """Every image there is now, each once, sorted within each input.

        Raises:
            UsageError: An input names nothing.
        """
        found: dict[Path, Source] = {}
        for text in self.inputs:
            for source in self._of(text):
                found.setdefault(source.path.absolute(), source)
        return list(found.values())

    @property
    def single(self) -> bool:
        """Whether it is one file, and not a folder or a pattern of them."""
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
            raise UsageError(f"{text}: there is no such file or folder, and it is no pattern")

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
        return path.suffix.lower() in ENDINGS and not made and not path.name.startswith(".")

    def _is_left_out(self, folder: Path) -> bool:
        return self.leave_out is not None and folder.resolve().is_relative_to(self.leave_out.resolve())


def _root(pattern: str) -> Path:
    """The folders of a pattern before its first wildcard."""
    fixed = []
    for part in Path(pattern).parts[:-1]:
        if glob.has_magic(part):
            break
        fixed.append(part)
    return Path(*fixed)
