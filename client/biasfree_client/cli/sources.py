"""The images that a command works on: files, folders and patterns."""

import errno
import glob
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from biasfree_client._formats import BY_SUFFIX
from biasfree_client.cli.failure import UsageError
from biasfree_client.cli.names import Name

Reason = Literal["not an image", "an earlier result", "hidden", "not a regular file", "a folder"]


@dataclass(frozen=True)
class Source:
    """An image, and its place below a folder of results, so that a tree of folders keeps its shape."""

    path: Path
    place: Path


@dataclass(frozen=True)
class Passed:
    """A file or folder that was passed over, and the reason."""

    path: Path
    reason: Reason


@dataclass(frozen=True)
class Found:
    """The result of a search.

    Args:
        sources: The images, each once, sorted within each input.
        passed: The files that were passed over.
        troubles: Folders that cannot be read, and inputs that are gone.
    """

    sources: list[Source] = field(default_factory=list)
    passed: list[Passed] = field(default_factory=list)
    troubles: dict[Path, OSError] = field(default_factory=dict)


@dataclass(frozen=True)
class Selection:
    """The inputs of a command.

    Args:
        inputs: Files, folders and patterns as typed.
        recursive: Search subfolders too.
        leave_out: Folder to skip, because the results may lie among the images.
        made: Templates of the names of results that lie beside the images, which are no images to work on.
    """

    inputs: Sequence[str]
    recursive: bool = False
    leave_out: Path | None = None
    made: tuple[Name, ...] = ()

    def find(self, *, waiting: bool = False) -> Found:
        """List the images that exist now.

        Folders and patterns give only files with the suffix of an image; a file named in full is always taken, unless
        it is the result of another image of this run. Each folder is searched once, whatever links lead to it.

        Args:
            waiting: Inputs that match nothing at the moment are no error.

        Raises:
            UsageError: An input matches nothing.
        """
        search = _Search(self)
        for text in self.inputs:
            search.add(text, waiting=waiting)
        return search.result()

    @property
    def single(self) -> bool:
        """Return whether the input is one file, and not a folder or a pattern; the file may be missing."""
        if len(self.inputs) != 1:
            return False
        path = Path(self.inputs[0])
        return not _is_dir(path) and (_mode(path) is not None or not glob.has_magic(self.inputs[0]))


class _Search:
    """A search through the inputs."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._found: dict[Path, Source] = {}
        self._named: set[Path] = set()
        self._passed: dict[Path, Passed] = {}
        self._troubles: dict[Path, OSError] = {}
        self._visited: set[object] = set()
        self._links: list[tuple[Path, Path]] = []

    def add(self, text: str, *, waiting: bool) -> None:
        """Search one input."""
        path = Path(text)
        if _is_dir(path):
            self._visit(path, path)
            # Links to folders come last, so that a folder is found under its own name.
            while self._links:
                self._visit(*self._links.pop(0))
        elif os.path.lexists(path) or (_is_unreadable(path) and not glob.has_magic(text)):
            self._named.add(path.absolute())
            self._take(path, Path(path.name))
        elif glob.has_magic(text):
            self._match(text, waiting=waiting)
        elif waiting:
            self._troubles[path] = FileNotFoundError(errno.ENOENT, "No such file or directory", text)
        else:
            raise UsageError(f"{text}: no such file or directory, and not a glob pattern")

    def result(self) -> Found:
        """Return what was found, without the results of images that were found too."""
        images = [source.path for source in self._found.values()]
        # A result has the stem of its image in its name, or the whole name.
        stems = {(path.parent.absolute(), stem) for path in images for stem in (path.stem, path.name)}
        among = {key for key in self._named if self._is_left_out(key.parent)}
        if among < self._found.keys():
            # A pattern that the shell expanded took results along with the images.
            for key in among:
                self._pass(self._found.pop(key).path, "an earlier result")
        for key, source in list(self._found.items()):
            found = {(key.parent, stem) for name in self._selection.made if (stem := name.stem_of(source.path.name))}
            if found and (key not in self._named or found & stems):
                del self._found[key]
                self._pass(source.path, "an earlier result")
        return Found(list(self._found.values()), list(self._passed.values()), self._troubles)

    def _take(self, path: Path, place: Path) -> None:
        self._found.setdefault(path.absolute(), Source(path, place))

    def _pass(self, path: Path, reason: Reason) -> None:
        # The record of settings and the partial files of a run are nobody's.
        if not (reason == "hidden" and path.name.startswith(".biasfree")) and not path.name.endswith(".partial"):
            self._passed.setdefault(path.absolute(), Passed(path, reason))

    def _visit(self, folder: Path, root: Path) -> None:
        """Search a folder, unless it was searched before."""
        place = _identity(folder)
        if place in self._visited:
            return
        self._visited.add(place)
        for path in self._entries(folder):
            if not _is_dir(path):
                self._judge(path, path.relative_to(root))
            elif path.name.startswith(".") or self._is_left_out(path, root):
                continue
            elif not self._selection.recursive:
                self._pass(path, "a folder")
            elif path.is_symlink():
                self._links.append((path, root))
            else:
                self._visit(path, root)

    def _entries(self, folder: Path) -> Iterator[Path]:
        try:
            yield from sorted(folder.iterdir())
        except OSError as exc:
            self._troubles[folder] = exc

    def _judge(self, path: Path, place: Path) -> None:
        """Take a file of a folder or pattern if it is an image by its suffix."""
        mode = _mode(path)
        if path.name.startswith("."):
            self._pass(path, "hidden")
        elif path.suffix.lower() not in BY_SUFFIX:
            self._pass(path, "not an image")
        elif mode is not None and not stat.S_ISREG(mode):
            self._pass(path, "not a regular file")
        else:
            # A link to nothing is taken, so that it is reported.
            self._take(path, place)

    def _match(self, pattern: str, *, waiting: bool) -> None:
        root = _root(pattern)
        before = len(self._found)
        try:
            matches = sorted(root.glob(str(Path(pattern).relative_to(root))))
        except OSError as exc:
            self._troubles[root] = exc
            return
        for path in matches:
            if self._is_left_out(path if _is_dir(path) else path.parent, root):
                continue
            if _is_dir(path):
                self._pass(path, "a folder")
            else:
                self._judge(path, path.relative_to(root))
        if len(self._found) == before and not waiting:
            raise UsageError(f"{pattern}: no image matches")

    def _is_left_out(self, folder: Path, root: Path | None = None) -> bool:
        """Return whether a folder is that of the results; not if the whole input lies there, to be replaced."""
        if self._selection.leave_out is None:
            return False
        results = self._selection.leave_out.resolve()
        inside = folder.resolve().is_relative_to(results)
        return inside and (root is None or not root.resolve().is_relative_to(results))


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return None


def _is_dir(path: Path) -> bool:
    mode = _mode(path)
    return mode is not None and stat.S_ISDIR(mode)


def _is_unreadable(path: Path) -> bool:
    """Return whether a path cannot be examined, for another reason than that it does not exist."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    except OSError:
        return True
    return False


def _identity(folder: Path) -> object:
    """Return what tells one folder from another, under any of its names."""
    try:
        status = folder.stat()
    except OSError:
        return os.path.realpath(folder)
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(folder)


def _root(pattern: str) -> Path:
    """Return the folders of a pattern before its first wildcard."""
    fixed = []
    for part in Path(pattern).parts[:-1]:
        if glob.has_magic(part):
            break
        fixed.append(part)
    return Path(*fixed)
