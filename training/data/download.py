"""Downloads that are what they should be: checked against a published checksum, or against the first one seen."""

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import pooch

from training.data.archive import read_members
from training.data.images import SUFFIXES
from training.data.sources import ImageSet, RemoteFile

#: Checksums of files nobody publishes one for, as they were at their first download: trust on first use.
LOCK = "checksums.json"
DOWNLOADS = "downloads"
#: Seconds without a byte before a download fails.
TIMEOUT_S = 60


class Bar(Protocol):
    """What pooch tells how far a download is, in bytes."""

    total: int

    def update(self, count: int) -> None:
        """That many more bytes came."""

    def reset(self) -> None:
        """Back to none."""

    def close(self) -> None:
        """All came."""


class Reporter(Protocol):
    """What is told of the downloads."""

    def bar(self, name: str) -> Bar:
        """A file is about to be downloaded."""

    def trusted(self, name: str, checksum: str) -> None:
        """No checksum of a file is published; the one it has was recorded."""


class Downloads:
    """A folder of image sets.

    Args:
        folder: Each set becomes a folder in it; what was downloaded stays in ``folder/downloads``.
        reporter: Told of the downloads.
    """

    def __init__(self, folder: Path, *, reporter: Reporter) -> None:
        self._folder, self._reporter = folder, reporter
        pooch.get_logger().setLevel("WARNING")

    def get(self, image_set: ImageSet) -> Path:
        """Download and unpack a set, unless it is there; files that are there and right are not downloaded again.

        Returns:
            The folder of its images.

        Raises:
            ValueError: A file has another checksum than it should, an archive is unsafe, or images are missing.
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
        """Download a file into ``folder/downloads``, unless it is there and right.

        Returns:
            Its path.

        Raises:
            ValueError: The file has another checksum than it should, or has no address and is not there.
            OSError: The server could not be reached, or does not have the file.
        """
        checksum = file.checksum or self._locked().get(file.name)
        path = self._folder / DOWNLOADS / file.name
        if not path.exists() or checksum is None or not _matches(path, checksum):
            if file.url is None:
                raise ValueError(f"there is no address to download it from; put the file with {checksum} at {path}")
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
    """Write the images of a set: the wanted members of its archives, and the files that are images themselves."""
    for path in paths:
        images = [(path.name, path.read_bytes())] if path.suffix in SUFFIXES else _wanted(path, image_set)
        for name, content in images:
            if (folder / name).exists():
                raise ValueError(f"expected each image of {image_set.name} once, got {name} twice")
            (folder / name).write_bytes(content)
    got = len(list(folder.iterdir()))
    if got != image_set.count:
        raise ValueError(f"expected {image_set.count} images in {image_set.name}, got {got}")


def _wanted(path: Path, image_set: ImageSet) -> list[tuple[str, bytes]]:
    return [
        (name, content)
        for name, content in read_members(path, pattern=image_set.members, password=image_set.password)
        if (image_set.only is None or Path(name).stem in image_set.only) and Path(name).stem not in image_set.leave_out
    ]
