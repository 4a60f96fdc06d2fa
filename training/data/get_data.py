"""``get-data``: download public image sets with a progress bar, and list their sources and terms."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column, Table

from training.data.download import LOCK, Bar, Downloads
from training.data.photos import PHOTOS, read_photos
from training.data.scaled_photos import Outcome, scale_photos
from training.data.sources import IMAGE_SETS, ImageSet


def get_data(names: Sequence[str], folder: Path, *, console: Console) -> None:
    """Download image sets into ``folder/NAME`` each.

    Args:
        names: Keys of ``IMAGE_SETS``; all of them if empty.
        folder: Target folder, created if missing.
        console: Console for progress and messages.

    Raises:
        ValueError: A name is unknown, a download is wrong or incomplete, or listed photographs are missing.
        OSError: A server could not be reached.
    """
    sets = _chosen(names)
    folder.mkdir(parents=True, exist_ok=True)
    _get_archives([image_set for image_set in sets if image_set.name != PHOTOS], folder, console)
    # Last: a missing photograph is an error, and must not keep the other sets from being downloaded.
    if any(image_set.name == PHOTOS for image_set in sets):
        _get_photos(folder, console)


def _get_archives(sets: Sequence[ImageSet], folder: Path, console: Console) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        downloads = Downloads(folder, reporter=_RichReporter(progress, folder))
        for image_set in sets:
            target = downloads.get(image_set)
            console.print(f"{target}: {image_set.count} images from {image_set.home} ({image_set.licence})")


def _get_photos(folder: Path, console: Console) -> None:
    """Download and scale down the listed photographs; report each missing one, then their number."""
    photos, missing = read_photos(), 0
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        downloads = Downloads(folder, reporter=_Silence())
        outcomes = scale_photos(photos, folder, downloads=downloads)
        for outcome in progress.track(outcomes, total=len(photos), description=PHOTOS):
            if outcome.problem:
                missing += 1
                console.print(_missing(outcome), soft_wrap=True, markup=False, highlight=False)
    target = folder / PHOTOS
    if missing:
        raise ValueError(
            f"{missing} of {len(photos)} photographs are missing in {target}; run the same command to retry them"
        )
    console.print(f"{target}: {len(photos)} photographs, each with a license of its own (docs/attribution.md)")


def _missing(outcome: Outcome) -> str:
    photo = outcome.photo
    page = f"; its page: {photo.source_url}" if photo.source_url else ""
    return f"{photo.file} is missing ({photo.source}, {photo.original_path}): {outcome.problem}{page}"


def list_sets() -> Table:
    """Return a table of the available sets."""
    table = Table("set", "images", Column("source", overflow="fold"), "terms of use", "checksum")
    for image_set in IMAGE_SETS.values():
        known = all(file.checksum for file in image_set.files)
        row = (image_set.name, str(image_set.count), image_set.home, image_set.licence)
        table.add_row(*row, "published" if known else "recorded at the first download")
    return table


def _chosen(names: Sequence[str]) -> list[ImageSet]:
    unknown = [name for name in names if name not in IMAGE_SETS]
    if unknown:
        raise ValueError(f"unknown image sets: {', '.join(unknown)}; available: {', '.join(IMAGE_SETS)}")
    return [IMAGE_SETS[name] for name in names or IMAGE_SETS]


class _RichReporter:
    def __init__(self, progress: Progress, folder: Path) -> None:
        self._progress, self._folder = progress, folder

    def bar(self, name: str) -> Bar:
        return _RichBar(self._progress, self._progress.add_task(name, total=None))

    def trusted(self, name: str, checksum: str) -> None:
        self._progress.console.print(
            f"{name}: no checksum is published, so this download was not verified. Its checksum is {checksum}, "
            f"now recorded in {self._folder / LOCK}; later downloads must match it."
        )


class _RichBar:
    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task
        self._total = 0

    @property
    def total(self) -> int:
        return self._total

    @total.setter
    def total(self, count: int) -> None:
        self._total = count
        self._progress.update(self._task, total=count)

    def update(self, count: int) -> None:
        self._progress.update(self._task, advance=count)

    def reset(self) -> None:
        self._progress.reset(self._task)

    def close(self) -> None:
        self._progress.update(self._task, completed=self._total)


class _Silence:
    """A reporter, and its bar, that show nothing: the photographs are counted instead."""

    total = 0

    def bar(self, name: str) -> Bar:
        return self

    def trusted(self, name: str, checksum: str) -> None:
        pass

    def update(self, count: int) -> None:
        pass

    def reset(self) -> None:
        pass

    def close(self) -> None:
        pass
