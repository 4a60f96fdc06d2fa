"""Images out of a tar or zip archive from the network."""

import tarfile
import zipfile
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath


def read_members(path: Path, *, pattern: str, password: str | None = None) -> Iterator[tuple[str, bytes]]:
    """Read the regular files of an archive whose path in it matches.

    Args:
        path: ``.zip``, or anything ``tarfile`` reads.
        pattern: ``fnmatch`` pattern; its ``*`` also matches ``/``.
        password: Of a zip archive.

    Yields:
        File name without folders, and content.

    Raises:
        ValueError: It is no such archive, or any member's path leads out of the folder it would be unpacked in.
    """
    try:
        if zipfile.is_zipfile(path):
            yield from _read_zip(path, pattern, password)
        else:
            yield from _read_tar(path, pattern)
    except (tarfile.TarError, zipfile.BadZipFile) as exc:
        raise ValueError(f"expected a zip or tar archive, got {path}: {exc}") from exc


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
            raise ValueError(f"refused {path}: its member {name!r} leads out of the folder")
