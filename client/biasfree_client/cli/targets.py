"""The files that results are written to, and which of them exist."""

import os
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from biasfree_client._save import is_stream, partial_prefix
from biasfree_client.cli.failure import UsageError
from biasfree_client.cli.names import SAME, Name
from biasfree_client.cli.sources import Source


@dataclass(frozen=True)
class Job:
    """An image, and the file for its result."""

    source: Path
    target: Path

    @property
    def done(self) -> bool:
        """Return whether the result exists. It is then complete, because results are written atomically."""
        # Path.exists raises an error for a name that is too long.
        return os.path.exists(self.target) and not is_stream(self.target)  # noqa: PTH110


@dataclass(frozen=True)
class Placement:
    """A rule for the names of results.

    Args:
        folder: Folder of the results; None to put them beside their images.
        file: Path of a single result.
        suffix: Suffix of all results, such as ``.tiff``; None to keep the image's.
        name: Template of the names.
        instead: Replacements for suffixes of images, used if ``suffix`` is None.
    """

    folder: Path | None = None
    file: Path | None = None
    suffix: str | None = None
    name: Name = field(default_factory=lambda: Name(SAME))
    instead: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        output: str | None,
        *,
        single: bool,
        suffix: str | None,
        name: Name,
        instead: Mapping[str, str] = MappingProxyType({}),
    ) -> "Placement":
        """Read ``--output``: a folder if it is one, ends in a slash, or may get several images; else a file."""
        suffix = name.suffix or suffix
        if output is None:
            return cls(suffix=suffix, name=name, instead=instead)
        path = Path(output)
        if path.is_dir() or output.endswith(("/", "\\")) or not single:
            if path.exists() and not path.is_dir():
                raise UsageError(f"{output} is a file; several images need a folder")
            return cls(folder=path, suffix=suffix, name=name, instead=instead)
        return cls(file=path)

    def jobs(
        self, sources: Iterable[Source], *, overwrite: bool, taken: MutableMapping[Path, Path] | None = None
    ) -> list[Job]:
        """Make a job for each image.

        Args:
            sources: The images.
            overwrite: A result may replace its image.
            taken: Results and their images so far, which is continued.

        Raises:
            UsageError: Two results would have the same name, or a result would replace its image without
                ``overwrite``.
        """
        jobs = [Job(source.path, self._target(source)) for source in sources]
        taken = {} if taken is None else taken
        for job in jobs:
            other = taken.setdefault(job.target.absolute(), job.source)
            if other != job.source:
                raise UsageError(f"{other} and {job.source} would both become {job.target}; use separate folders")
            if not overwrite and _place(job.source) == _place(job.target):
                raise UsageError(f"{job.source} would replace itself; choose another output, or use --overwrite")
        return jobs

    def _target(self, source: Source) -> Path:
        if self.file is not None:
            return self.file
        own = source.path.suffix
        suffix = self.suffix or self.instead.get(own.lower(), own)
        folder = source.path.parent if self.folder is None else self.folder / source.place.parent
        return folder / self.name.of(source.path.stem, suffix, folder)


def _place(path: Path) -> Path:
    """Return a path whose folder is free of links; a link in place of the file itself is another matter."""
    return path.parent.resolve() / path.name


def make_room(target: Path) -> None:
    """Create the folder of a result, and remove partial files of that result that a killed run left."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if is_stream(target):
        return
    for partial in target.parent.glob(f"{partial_prefix(target)}*.partial"):
        partial.unlink(missing_ok=True)
