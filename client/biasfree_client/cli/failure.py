"""The exit statuses and error messages of commands that fail or are interrupted."""

import os
import signal
from types import FrameType
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from biasfree_client._errors import BiasfreeError, ConnectionFailed, InvalidSetting, TimedOut
from biasfree_client.cli.output import NAME, abandon, finish

#: Exit status after an interrupt, by the convention of shells: 128 plus the number of the signal.
INTERRUPTED = 130
MESSAGE = "interrupted"
#: Seconds that an interrupted command has to end in order.
GRACE_S = 5.0


class UsageError(Exception):
    """Arguments that contradict each other, or name nothing that exists; exit status 2."""


class Commands(TyperGroup):
    """The group of commands, which reports errors in one line instead of a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; exit with status 2 for wrong usage, 1 for a failure, 130 after an interrupt.

        If the reader of standard output has ended, as ``head`` does, nobody wants to hear more: status 1, in silence.
        """
        try:
            result = super().invoke(ctx)
            finish()
            return result
        except (UsageError, InvalidSetting) as exc:
            say(exc)
            raise typer.Exit(2) from exc
        except BrokenPipeError as exc:
            abandon()
            raise typer.Exit(1) from exc
        except (BiasfreeError, OSError) as exc:
            say(exc)
            if isinstance(exc, OSError) and exc.filename == NAME:
                abandon()
            raise typer.Exit(1) from exc
        except KeyboardInterrupt as exc:
            typer.echo(MESSAGE, err=True)
            raise typer.Exit(INTERRUPTED) from exc


def say(error: Exception) -> None:
    """Print an error as one line on standard error."""
    typer.echo(f"error: {describe(error)}", err=True)


def describe(error: Exception, *, of: os.PathLike[str] | None = None) -> str:
    """Describe an error in one line, with what to do about it if that is known.

    Args:
        error: What went wrong.
        of: The file beside whose name the line is printed; it is not named again.
    """
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, ConnectionFailed) and not isinstance(error, TimedOut):
        return f"{text}. Is the service running there? Set its address with --url or BIASFREE_URL."
    if isinstance(error, OSError) and error.strerror and error.filename:
        return error.strerror if of and str(error.filename) == str(of) else f"{error.filename}: {error.strerror}"
    return text


def end_on_interrupt() -> None:
    """Raise KeyboardInterrupt on the interrupt signal, and end the process if it still runs after ``GRACE_S``.

    Python drops exceptions raised in a destructor or in the callback of a weak reference, and an exception between two
    instructions can leave a lock held: rare, but the command would then ignore the signal.
    """
    # Shells start background processes with the signal ignored. Windows has no alarm.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler and hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, _end)
        signal.signal(signal.SIGINT, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    signal.setitimer(signal.ITIMER_REAL, GRACE_S)
    raise KeyboardInterrupt


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    # Python's own files may hold the very lock that is stuck.
    os.write(2, f"{MESSAGE}\n".encode())
    os._exit(INTERRUPTED)
