"""The files that results are written to, and which of them are up to date."""

import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import count
from pathlib import Path
from types import MappingProxyType

from biasfree_client._formats import BY_SUFFIX, misfit
from biasfree_client._save import is_stream
from biasfree_client.cli.failure import UsageError
from biasfree_client.cli.names import SAME, Name
from biasfree_client.cli.sources import Source

#: A suffix such as ``.zip``. Folders have dots too, but mostly before a number or a longer word.
_FILE_SUFFIX = re.compile(r"\.(?!\d+\Z)\w{1,4}")


class Existing(Enum):
    """A rule for results that exist.

    Attributes:
        RENEW: Make those that are older than their images again, as ``make`` does, and keep the older ones.
        KEEP: Leave all as they are.
        REPLACE: Replace all.
        DOUBT: Leave all as they are, because they may be no results; report those that are older than their images.
    """

    RENEW = auto()
    KEEP = auto()
    REPLACE = auto()
    DOUBT = auto()


@dataclass(frozen=True)
class Job:
    """An image, and the file for its result.

    Args:
        source: Path of the image.
        target: Path of its result.
        existing: What to do if the result exists.
        changed: The image is known to have changed since its result was made, whatever the dates of the files.
    """

    source: Path
    target: Path
    existing: Existing = Existing.RENEW
    changed: bool = False

    @property
    def exists(self) -> bool:
        """Return whether there is a result that counts. It is complete, because results are written atomically."""
        # Path.exists raises an error for a name that is too long.
        there = os.path.exists(self.target) and not is_stream(self.target)  # noqa: PTH110
        return there and self.existing is not Existing.REPLACE

    @property
    def outdated(self) -> bool:
        """Return whether the result is older than the image. What is never replaced, such as a link, is not."""
        if self.existing is Existing.KEEP or not self.exists:
            return False
        try:
            result = self.target.lstat()
            newer = self.image_ns > result.st_mtime_ns
        except OSError:
            return False
        return stat.S_ISREG(result.st_mode) and (self.changed or newer)

    @property
    def done(self) -> bool:
        """Return whether nothing is to be done."""
        return self.exists and not (self.outdated and self.existing is Existing.RENEW)

    @property
    def image_ns(self) -> int:
        """Return the date of the image; errors as in ``Path.stat``."""
        return self.source.stat().st_mtime_ns

    def keep_older(self) -> Path | None:
        """Rename a result that exists to ``NAME~1.png`` or the next number, unless all are to be replaced.

        The image may be another one of the same name: cameras restart their numbering.

        Returns:
            The new path of the older result; None if there is none.

        Raises:
            OSError: It cannot be renamed.
        """
        if not self.exists or not stat.S_ISREG(self.target.lstat().st_mode):
            return None
        folder = self.target.parent
        names = (Name(SAME).of(f"{self.target.stem}~{number}", self.target.suffix, folder) for number in count(1))
        kept = next(path for path in map(folder.joinpath, names) if not os.path.lexists(path))
        return self.target.rename(kept)

    def date(self, read_ns: int) -> None:
        """Give a new result the date of its image, if its own date would mislead the next run.

        The image may have changed since it was read; or its date is in the future, because a camera's clock is ahead,
        and each run would make the result again.

        Args:
            read_ns: Date of the image before it was read.
        """
        with suppress(OSError):
            result = self.target.lstat()
            if stat.S_ISREG(result.st_mode) and (read_ns > result.st_mtime_ns or self.image_ns != read_ns):
                os.utime(self.target, ns=(result.st_atime_ns, read_ns))


@dataclass(frozen=True)
class Placement:
    """A rule for the names of results.

    Args:
        folder: Folder of the results; None to put them beside their images.
        file: Path of a single result.
        suffix: Suffix of all results, such as ``.tiff``; None to keep the image's.
        name: Template of the names.
        instead: Replacements for suffixes of images, used if ``suffix`` is None.
        existing: What to do about results that exist.
    """

    folder: Path | None = None
    file: Path | None = None
    suffix: str | None = None
    name: Name = field(default_factory=lambda: Name(SAME))
    instead: Mapping[str, str] = field(default_factory=dict)
    existing: Existing = Existing.RENEW

    @classmethod
    def of(
        cls,
        output: str | None,
        *,
        single: bool,
        suffix: str | None,
        name: Name,
        instead: Mapping[str, str] = MappingProxyType({}),
        existing: Existing = Existing.RENEW,
    ) -> "Placement":
        """Read ``--output``: a folder if it is one, ends in a slash, or may get several images; else a file.

        Raises:
            UsageError: The folder is a file or has the name of one, or a name does not fit ``suffix``.
        """
        require_fit(name.template, name.suffix, suffix)
        suffix = name.suffix or suffix
        if output is None:
            return cls(suffix=suffix, name=name, instead=instead, existing=existing)
        path = Path(output)
        named_folder = path.is_dir() or output.endswith(("/", "\\"))
        if named_folder or not single:
            if path.exists() and not path.is_dir():
                raise UsageError(f"{output} is a file; several images need a folder")
            if not named_folder and _is_file_name(path):
                raise UsageError(
                    f"{output} is the name of a file, and several images need a folder; end its name in / if it is one"
                )
            return cls(folder=path, suffix=suffix, name=name, instead=instead, existing=existing)
        require_fit(output, path.suffix, suffix)
        return cls(file=path, existing=existing)

    def target(self, source: Source, *, whole: bool = False) -> Path:
        """Return the path of a result.

        Args:
            source: The image.
            whole: Keep the image's suffix in the name, as in ``a.heic.png``.
        """
        if self.file is not None:
            return self.file
        own = source.path.suffix
        suffix = self.suffix or self.instead.get(own.lower(), own)
        folder = source.path.parent if self.folder is None else self.folder / source.place.parent
        return folder / self.name.of(source.path.name if whole else source.path.stem, suffix, folder)

    def existing_for(self, *, beside: bool) -> Existing:
        """Return what to do if a result exists: beside its image, a name without a mark may be another image's."""
        doubtful = beside and self.file is None and self.name.template == SAME
        return Existing.DOUBT if doubtful and self.existing is Existing.RENEW else self.existing


def _is_file_name(path: Path) -> bool:
    suffix = path.suffix.lower()
    return suffix in BY_SUFFIX or _FILE_SUFFIX.fullmatch(suffix) is not None


def require_fit(name: str, own: str | None, suffix: str | None) -> None:
    """Refuse a name with the suffix of another format than the results have.

    Args:
        name: The name as typed.
        own: Its suffix.
        suffix: Suffix of the format of the results.

    Raises:
        UsageError: They do not fit.
    """
    if own and suffix and (words := misfit(own, BY_SUFFIX[suffix].media_type)):
        raise UsageError(f"{name}: {words[0].lower()}{words[1:]}; choose another name, or another --format")


class Targets:
    """The files for the results of a run. An image keeps its file during the run.

    Images whose results would have the same name keep their suffixes in it: ``a.heic.png`` and ``a.png.png``.

    Args:
        placement: The rule for the names.
    """

    def __init__(self, placement: Placement) -> None:
        self._placement = placement
        self._targets: dict[Path, Path] = {}
        self._images: defaultdict[Path, list[Path]] = defaultdict(list)
        self._folders: dict[Path, Path] = {}

    def jobs(self, sources: Iterable[Source]) -> list[Job]:
        """Make a job for each image; errors as in ``job``."""
        sources = list(sources)
        self.assign(sources)
        return [self.job(source) for source in sources]

    def assign(self, sources: Iterable[Source]) -> None:
        """Choose the files of images that have none yet."""
        targets = {each: self._placement.target(each) for each in sources if each.path not in self._targets}
        whole: set[Source] = set()
        while clashing := self._clashing(targets) - whole:
            whole |= clashing
            targets |= {each: self._placement.target(each, whole=True) for each in clashing}
        for source, target in targets.items():
            self._targets[source.path] = target
            self._images[target.absolute()].append(source.path)

    def job(self, source: Source, *, changed: bool = False) -> Job:
        """Make the job for an image that was assigned a file.

        Args:
            source: The image.
            changed: It is known to have changed since its result was made.

        Raises:
            UsageError: Another image has the same result, or the result would replace its image.
        """
        target = self._targets[source.path]
        first = self._images[target.absolute()][0]
        if first != source.path:
            raise UsageError(f"{first} and {source.path} would both become {target}; use separate folders")
        beside = self._resolved(source.path.parent) == self._resolved(target.parent)
        existing = self._placement.existing_for(beside=beside)
        if existing is not Existing.REPLACE and beside and source.path.name == target.name:
            raise UsageError(f"{source.path} would replace itself; choose another output, or use --overwrite")
        return Job(source.path, target, existing, changed)

    def _resolved(self, folder: Path) -> Path:
        """Return a folder's path without links. A link in place of a file itself is another matter."""
        if folder not in self._folders:
            self._folders[folder] = folder.resolve()
        return self._folders[folder]

    def _clashing(self, targets: Mapping[Source, Path]) -> set[Source]:
        """Return the images that share a result, and whose own names differ."""
        wanted: defaultdict[Path, list[Source]] = defaultdict(list)
        for source, target in targets.items():
            wanted[target.absolute()].append(source)
        clashing: set[Source] = set()
        for target, sources in wanted.items():
            names = [path.name for path in self._images.get(target, ())] + [each.path.name for each in sources]
            if len(names) > 1 and len(set(names)) == len(names):
                clashing.update(sources)
        return clashing
