"""Where results go, and what is done already."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from biasfree_client.cli.failure import UsageError
from biasfree_client.cli.sources import Source


@dataclass(frozen=True)
class Job:
    """One image and the file that its result becomes."""

    source: Path
    target: Path

    @property
    def done(self) -> bool:
        """Whether the result is there. It is written under another name and renamed, so that it is whole."""
        return self.target.exists()


@dataclass(frozen=True)
class Placement:
    """Names of results.

    Args:
        folder: Where they go, or None for beside their images.
        file: The one result's name.
        suffix: What replaces the image's own, such as ``.tiff``; None to keep it.
        instead: Suffixes of images, and those that their results have, where ``suffix`` does not say.
        mark: Put before the suffix of results beside their images, such as ``-denoised``.
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
        """Read ``--output``: a folder if it is one, ends like one, or more than one image may come; else a file."""
        if output is None:
            return cls(suffix=suffix, mark=mark, instead=instead)
        path = Path(output)
        if path.is_dir() or output.endswith(("/", "\\")) or not single:
            if path.is_file():
                raise UsageError(f"{output}: expected a folder for several images, got a file")
            return cls(folder=path, suffix=suffix, instead=instead)
        return cls(file=path)

    def jobs(self, sources: Iterable[Source], *, overwrite: bool) -> list[Job]:
        """A job for each image.

        Raises:
            UsageError: Two results would have one name, or one that of its image without ``overwrite``.
        """
        jobs = [Job(source.path, self._target(source)) for source in sources]
        taken: dict[Path, Path] = {}
        for job in jobs:
            other = taken.setdefault(job.target.absolute(), job.source)
            if other != job.source:
                raise UsageError(f"{other} and {job.source} would both become {job.target}: give them folders apart")
            if job.source.absolute() == job.target.absolute() and not overwrite:
                raise UsageError(f"{job.source} would replace itself: name another output, or say --overwrite")
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
    """Make the folder of a result, and remove what a killed run left of it there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    for partial in target.parent.glob(f".{_literally(target.name)}.*.partial"):
        partial.unlink(missing_ok=True)


def _literally(name: str) -> str:
    """A name without the meaning that brackets and stars have in a pattern."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
