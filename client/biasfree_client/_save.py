"""Files that are whole or not there."""

import errno
import os
import uuid
from pathlib import Path


def save(content: bytes, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a file under a temporary name, and rename it when it is complete.

    A process that is killed leaves no half file under the final name, only a hidden ``.NAME.*.partial``.

    Raises:
        FileExistsError: The file is there, and ``overwrite`` is not set.
        OSError: It cannot be written.
    """
    target = Path(path)
    if target.exists() and not overwrite:
        raise FileExistsError(errno.EEXIST, "expected no such file yet", str(target))
    partial = target.with_name(f".{target.name}.{uuid.uuid4().hex}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target
