"""Verified downloads of image sets: checked against a published checksum, or against that of the first download."""

import json
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Protocol

import pooch

from training.data.images import SUFFIXES
from training.data.sources import ImageSet, RemoteFile

#: Checksums of files without a published one, recorded at their first download: trust on first use.
LOCK = "checksums.json"
DOWNLOADS = "downloads"
#: Seconds without data before a download fails.
TIMEOUT_S = 60


class Bar(Protocol):
    """A progress bar for pooch, which counts the bytes of a download."""

    total: int

    def update(self, count: int) -> None:
        """Add the number of bytes received."""

    def reset(self) -> None:
        """Set the count back to zero."""

    def close(self) -> None:
        """Mark the download as complete."""


class Reporter(Protocol):
    """An observer of the downloads."""

    def bar(self, name: str) -> Bar:
        """Return the progress bar for a file that is about to be downloaded."""

    def trusted(self, name: str, checksum: str) -> None:
        """Report that a file without a published checksum was trusted, and its checksum recorded."""


class Downloads:
    """A folder of image sets.

    Args:
        folder: Each set becomes a subfolder; downloaded files stay in ``folder/downloads``.
        reporter: Observer of the downloads.
    """

    def __init__(self, folder: Path, *, reporter: Reporter) -> None:
        self._folder, self._reporter = folder, reporter
        pooch.get_logger().setLevel("WARNING")

    def get(self, image_set: ImageSet) -> Path:
        """Download and unpack a set unless it exists; files with the right checksum are not downloaded again.

        Returns:
            The folder of its images.

        Raises:
            ValueError: A checksum does not match, an archive is unsafe, or images are missing.
            OSError: The server could not be reached.
        """
        target = self._folder / image_set.name
        if target.is_dir():
            return target
        paths = [self.fetch(file) for file in image_set.files]
        with TemporaryDirectory(dir=self._folder, prefix=".unpacking-") as scratch:
            unpacked = Path(scratch) / image_set.name
            unpacked.mkdir()
            _unpack(paths, image_set, unpacked)
            unpacked.rename(target)
        return target

    def fetch(self, file: RemoteFile) -> Path:
        """Download a file into ``folder/downloads`` unless it exists with the right checksum.

        Returns:
            Its path.

        Raises:
            ValueError: The checksum does not match, or the file has no address and is missing.
            OSError: The server could not be reached, or does not have the file.
        """
        checksum = file.checksum or self._locked().get(file.name)
        path = self._folder / DOWNLOADS / file.name
        if not path.exists() or checksum is None or not _matches(path, checksum):
            if file.url is None:
                raise ValueError(f"no download address is known; put the file with {checksum} at {path}")
            bar = self._reporter.bar(file.name)
            downloader = pooch.HTTPDownloader(progressbar=bar, timeout=TIMEOUT_S)
            pooch.retrieve(file.url, checksum, fname=path.name, path=path.parent, downloader=downloader)
        if checksum is None:
            self._lock(file.name, path)
        return path

    def _locked(self) -> dict[str, str]:
        path = self._folder / LOCK
        return dict(json.loads(path.read_text())) if path.exists() else {}

    def _lock(self, name: str, path: Path) -> None:
        checksum = f"sha256:{pooch.file_hash(str(path))}"
        locked = {**self._locked(), name: checksum}
        (self._folder / LOCK).write_text(json.dumps(locked, indent=2, sort_keys=True) + "\n")
        self._reporter.trusted(name, checksum)


def _matches(path: Path, checksum: str) -> bool:
    algorithm, _, digest = checksum.partition(":")
    return bool(pooch.file_hash(str(path), alg=algorithm) == digest)


def _unpack(paths: Sequence[Path], image_set: ImageSet, folder: Path) -> None:
    """Write the images of a set: members of its archives, and files that are images themselves."""
    for path in paths:
        images = [(path.name, path.read_bytes())] if path.suffix in SUFFIXES else _wanted(path, image_set)
        for name, content in images:
            if (folder / name).exists():
                raise ValueError(f"image set {image_set.name} contains {name} twice; its source has changed")
            (folder / name).write_bytes(content)
    got = len(list(folder.iterdir()))
    if got != image_set.count:
        raise ValueError(
            f"image set {image_set.name} has {got} instead of {image_set.count} images; its source has changed"
        )


def _wanted(path: Path, image_set: ImageSet) -> list[tuple[str, bytes]]:
    return [
        (name, content)
        for name, content in _read_members(path, pattern=image_set.members, password=image_set.password)
        if (image_set.only is None or Path(name).stem in image_set.only) and Path(name).stem not in image_set.leave_out
    ]


def _read_members(path: Path, *, pattern: str, password: str | None = None) -> Iterator[tuple[str, bytes]]:
    """Read the regular files of an archive whose path matches a pattern.

    Args:
        path: A zip archive, or any archive that ``tarfile`` reads.
        pattern: ``fnmatch`` pattern; its ``*`` also matches ``/``.
        password: Password of a zip archive.

    Yields:
        File name without folders, and content.

    Raises:
        ValueError: The file is not such an archive, or a member's path leads out of the target folder.
    """
    try:
        if zipfile.is_zipfile(path):
            yield from _read_zip(path, pattern, password)
        else:
            yield from _read_tar(path, pattern)
    except (tarfile.TarError, zipfile.BadZipFile) as exc:
        raise ValueError(f"{path} is not a zip or tar archive: {exc}") from exc


def _read_zip(path: Path, pattern: str, password: str | None) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        _refuse_unsafe(path, [member.filename for member in members])
        for member in members:
            if not member.is_dir() and fnmatch(member.filename, pattern):
                content = archive.read(member, password.encode() if password else None)
                yield PurePosixPath(member.filename).name, content


def _read_tar(path: Path, pattern: str) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path) as archive:
        members = archive.getmembers()
        _refuse_unsafe(path, [member.name for member in members])
        for member in members:
            if member.isfile() and fnmatch(member.name, pattern):
                file = archive.extractfile(member)
                assert file is not None  # a regular file
                yield PurePosixPath(member.name).name, file.read()


def _refuse_unsafe(path: Path, names: list[str]) -> None:
    for name in names:
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if ".." in parts or (parts and (parts[0] == "/" or parts[0].endswith(":"))):
            raise ValueError(f"refusing to unpack {path}: its member {name!r} leads out of the folder")
