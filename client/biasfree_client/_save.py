"""Atomic writes: a file is complete, or absent."""

import errno
import os
import uuid
from pathlib import Path


def save(content: bytes, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a file under a temporary name, and rename it when it is complete.

    A killed process leaves no partial file under the final name, only a hidden ``.NAME.*.partial``.

    Raises:
        FileExistsError: The file exists, and ``overwrite`` is not set.
        OSError: The file cannot be written.
    """
    target = Path(path)
    if target.exists() and not overwrite:
        raise FileExistsError(errno.EEXIST, "already exists; set overwrite to replace it", str(target))
    partial = target.with_name(f".{target.name}.{uuid.uuid4().hex}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target
