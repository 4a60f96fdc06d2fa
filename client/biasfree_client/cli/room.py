"""The room for results: their folders, and disks that are full or away."""

import errno
import os
import shutil
from pathlib import Path

from biasfree_client._save import is_stream, partial_prefix
from biasfree_client.cli.failure import UsageError

#: Errors of a disk that is full or away, which may pass.
_AWAY = frozenset(
    {
        *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE),
        *(errno.ENOTCONN, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ETIMEDOUT),
    }
)
#: Room that a result needs, as a multiple of the size of its image: enough for most formats.
_ROOM = 2


class NoRoom(OSError):
    """No result can be written for now."""


def make_room(target: Path) -> None:
    """Create the folder of a result, and remove partial files of that result that a killed run left."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if is_stream(target):
        return
    for partial in target.parent.glob(f"{partial_prefix(target)}*.partial"):
        partial.unlink(missing_ok=True)


def require_new(target: Path, *, overwrite: bool) -> None:
    """Refuse a single output that would not be written, before the work for it.

    Raises:
        UsageError: It exists and ``overwrite`` is not set, or it is a folder or a link.
    """
    if is_stream(target):
        return
    if target.is_symlink():
        raise UsageError(f"{target} is a symbolic link, which is never replaced; choose another output")
    if target.is_dir():
        raise UsageError(f"{target} is a folder; choose the name of a file")
    if target.exists() and not overwrite:
        raise UsageError(f"{target} already exists; use --overwrite to replace it")


def is_away(error: Exception | None, source: Path) -> bool:
    """Return whether a result could not be written for now; an image that cannot be read may be damaged for good.

    Args:
        error: The error of an image that failed.
        source: The image.
    """
    return isinstance(error, OSError) and error.errno in _AWAY and error.filename not in (None, str(source))


def require_room(source: Path, target: Path) -> None:
    """Check that the disk of a result is there and has room. Other errors are for the result itself to find out.

    Raises:
        NoRoom: It does not.
    """
    folder = target.parent
    probe = folder / f"{partial_prefix(target)}probe.partial"
    try:
        make_room(target)
        probe.touch()
        probe.unlink()
        short = shutil.disk_usage(folder).free < _ROOM * source.stat().st_size
    except OSError as exc:
        if exc.errno in _AWAY:
            raise NoRoom(exc.errno, exc.strerror, str(folder)) from exc
        return
    if short:
        raise NoRoom(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
