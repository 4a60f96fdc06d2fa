"""How a command ends when it cannot do what it was asked for."""

from typing import Any

import typer
from typer.core import TyperGroup

from biasfree_client._errors import BiasfreeError, ConnectionFailed, InvalidSetting, TimedOut, UnknownModel
from biasfree_client.cli.interrupt import INTERRUPTED, MESSAGE


class UsageError(Exception):
    """The arguments contradict each other, or name nothing that is there; exit status 2."""


class Commands(TyperGroup):
    """Says in one line what went wrong, instead of a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command: exit status 2 for a wrong call, 1 for what failed, 130 where it was interrupted."""
        try:
            return super().invoke(ctx)
        except (UsageError, InvalidSetting) as exc:
            say(exc)
            raise typer.Exit(2) from exc
        except (BiasfreeError, OSError) as exc:
            say(exc)
            raise typer.Exit(1) from exc
        except KeyboardInterrupt as exc:
            typer.echo(MESSAGE, err=True)
            raise typer.Exit(INTERRUPTED) from exc


def say(error: Exception) -> None:
    """One line for people, on standard error."""
    typer.echo(f"error: {describe(error)}", err=True)


def describe(error: Exception) -> str:
    """An error in one line, with what to do about it where that is known."""
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, ConnectionFailed) and not isinstance(error, TimedOut):
        return f"{text}. Is the service running there? --url or BIASFREE_URL says where it is."
    if isinstance(error, UnknownModel):
        return f"{text}; there is {', '.join(map(str, error.document.get('supported', ())))}"
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    return text
