"""The files that results are written to, and which of them exist."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from biasfree_client.cli.failure import UsageError
from biasfree_client.cli.sources import Source


@dataclass(frozen=True)
class Job:
    """An image, and the file for its result."""

    source: Path
    target: Path

    @property
    def done(self) -> bool:
        """Return whether the result exists. It is then complete, because results are written atomically."""
        return self.target.exists()


@dataclass(frozen=True)
class Placement:
    """A rule for the names of results.

    Args:
        folder: Folder of the results; None to put them beside their images.
        file: Path of a single result.
        suffix: Suffix of all results, such as ``.tiff``; None to keep the image's.
        mark: Ending of the name of a result beside its image, before the suffix, such as ``-denoised``.
        instead: Replacements for suffixes of images, used if ``suffix`` is None.
    """

    folder: Path | None = None
    file: Path | None = None
    suffix: str | None = None
    mark: str = ""
    instead: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        output: str | None,
        *,
        single: bool,
        suffix: str | None,
        mark: str,
        instead: Mapping[str, str] = MappingProxyType({}),
    ) -> "Placement":
        """Read ``--output``: a folder if it is one, ends in a slash, or may get several images; else a file."""
        if output is None:
            return cls(suffix=suffix, mark=mark, instead=instead)
        path = Path(output)
        if path.is_dir() or output.endswith(("/", "\\")) or not single:
            if path.is_file():
                raise UsageError(f"{output} is a file; several images need a folder")
            return cls(folder=path, suffix=suffix, instead=instead)
        return cls(file=path)

    def jobs(self, sources: Iterable[Source], *, overwrite: bool) -> list[Job]:
        """Make a job for each image.

        Raises:
            UsageError: Two results would have the same name, or a result would replace its image without
                ``overwrite``.
        """
        jobs = [Job(source.path, self._target(source)) for source in sources]
        taken: dict[Path, Path] = {}
        for job in jobs:
            other = taken.setdefault(job.target.absolute(), job.source)
            if other != job.source:
                raise UsageError(f"{other} and {job.source} would both become {job.target}; use separate folders")
            if job.source.absolute() == job.target.absolute() and not overwrite:
                raise UsageError(f"{job.source} would replace itself; choose another output, or use --overwrite")
        return jobs

    def _target(self, source: Source) -> Path:
        if self.file is not None:
            return self.file
        own = source.path.suffix
        suffix = self.suffix or self.instead.get(own.lower(), own)
        if self.folder is not None:
            return self.folder / source.place.with_suffix(suffix)
        return source.path.with_name(f"{source.path.stem}{self.mark}{suffix}")


def make_room(target: Path) -> None:
    """Create the folder of a result, and remove partial files of that result that a killed run left."""
    target.parent.mkdir(parents=True, exist_ok=True)
    for partial in target.parent.glob(f".{_literally(target.name)}.*.partial"):
        partial.unlink(missing_ok=True)


def _literally(name: str) -> str:
    """Escape the characters of a name that have a meaning in a pattern."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
