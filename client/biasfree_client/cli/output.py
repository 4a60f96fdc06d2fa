"""Standard output, which may be closed, full, or read by a program that ends early."""

import errno
import io
import os
import select
import sys
from pathlib import Path
from typing import NoReturn, TextIO

NAME = "standard output"


class Closed(io.TextIOBase):
    """A standard output that was closed before the start: Python then has none at all."""

    def writable(self) -> bool:
        """Return True, so that it is written to."""
        return True

    def write(self, text: object) -> NoReturn:
        """Refuse to write."""
        raise BrokenPipeError(errno.EPIPE, "is closed", NAME)

    def fileno(self) -> int:
        """Return the descriptor that is closed."""
        return 1

    @property
    def buffer(self) -> "Closed":
        """Return the same for bytes."""
        return self


def replace_closed() -> None:
    """Put something in place of standard streams that were closed before the start."""
    if sys.stdout is None:
        sys.stdout = Closed()
    if sys.stderr is None:
        sys.stderr = _nowhere()


def emit(content: str | bytes) -> None:
    """Write to standard output at once.

    Raises:
        BrokenPipeError: Its reader has ended.
        OSError: It cannot be written, for example because the disk is full; the error names it.
    """
    stream = sys.stdout if isinstance(content, str) else sys.stdout.buffer
    try:
        stream.write(content)  # type: ignore[arg-type]  # each stream gets its own type
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as exc:
        raise OSError(exc.errno, exc.strerror or str(exc), NAME) from exc


def finish() -> None:
    """Write what is left.

    Raises:
        OSError: As for ``emit``.
    """
    if not isinstance(sys.stdout, Closed):
        emit("")


def has_reader() -> bool:
    """Return whether standard output can still be written to, as far as the system tells."""
    if isinstance(sys.stdout, Closed):
        return False
    if not hasattr(select, "poll"):
        return True
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        return not any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
    except (OSError, ValueError):
        return True


def abandon() -> None:
    """Drop what is left to write, so that Python does not complain about it at the end."""
    sys.stdout = _nowhere()


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w")
