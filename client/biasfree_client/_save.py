"""Atomic writes: a file is complete, or absent. Links and devices are never replaced."""

import errno
import hashlib
import os
import stat
import uuid
from contextlib import suppress
from pathlib import Path


def save(content: bytes, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a file under a temporary name, and rename it when it is complete.

    A killed process leaves no partial file under the final name, only a hidden one. A pipe or a character device, such
    as ``/dev/null``, gets the content instead of being replaced.

    Raises:
        FileExistsError: The file exists, and ``overwrite`` is not set; or it is a symbolic link or a block device.
        OSError: The file cannot be written.
    """
    target = Path(path)
    stream = is_stream(target)
    if not stream:
        _check_replaceable(target, overwrite=overwrite)
    try:
        (_pour if stream else _replace)(content, target)
    except OSError as exc:
        # Python names the temporary file, and no file at all if the disk is full.
        raise OSError(exc.errno, exc.strerror or str(exc), str(target)) from exc
    return target


def _replace(content: bytes, target: Path) -> None:
    partial = target.with_name(f"{partial_prefix(target)}{uuid.uuid4().hex[:12]}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(target)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def partial_prefix(target: Path) -> str:
    """Return the beginning of the temporary names of a file; it is short, however long the file's own name is."""
    return f".{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]}."


def is_stream(target: Path) -> bool:
    """Return whether a path leads to a pipe or a character device, which are written to and not replaced."""
    try:
        mode = target.stat().st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


def _check_replaceable(target: Path, *, overwrite: bool) -> None:
    try:
        mode = target.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "is a folder; choose the name of a file", str(target))
    if stat.S_ISLNK(mode):
        raise _exists(target, "is a symbolic link, which is never replaced; remove it, or choose another output")
    if not stat.S_ISREG(mode):
        raise _exists(target, "is a device or a socket, which is never replaced; choose another output")
    if not overwrite:
        raise _exists(target, "already exists; set overwrite to replace it")


def _exists(target: Path, words: str) -> FileExistsError:
    return FileExistsError(errno.EEXIST, words, str(target))


def _pour(content: bytes, target: Path) -> None:
    """Write into a pipe or a device. A pipe that nobody reads is an error: opening it would wait forever."""
    try:
        descriptor = os.open(target, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError as exc:
        if exc.errno != errno.ENXIO:
            raise
        raise OSError(errno.ENXIO, "is a pipe that nobody reads; start its reader first", str(target)) from exc
    with os.fdopen(descriptor, "wb") as file:
        if hasattr(os, "set_blocking"):
            os.set_blocking(descriptor, True)
        file.write(content)
