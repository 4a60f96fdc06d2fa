"""The commands of ``python -m training``."""

from typing import Any

import typer
from typer.core import TyperGroup

from training.cli.data import attribution, get_data
from training.cli.evaluate import (
    ensembles,
    estimates,
    evaluate,
    illustrate,
    illustrate_real,
    noise_statistics,
    quality,
    readme,
    robustness,
)
from training.cli.export import export, import_checkpoint
from training.cli.fit import campaign, train
from training.cli.reproduce import analysis_figure, reproduce


class _Commands(TyperGroup):
    """Commands that report invalid input in one line instead of a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (ValueError, OSError) as exc:
            typer.echo(f"error: {' '.join(_words(exc).split())}", err=True)
            raise typer.Exit(2) from exc


def _words(exc: ValueError | OSError) -> str:
    """Describe an error; of the system's, without its number."""
    if isinstance(exc, OSError) and exc.filename and exc.strerror:
        return f"{exc.filename}: {exc.strerror}"
    return str(exc)


app = typer.Typer(cls=_Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def main() -> None:
    """Train bias-free denoisers, export them to ONNX, and measure them."""


# In the order of the help.
for _command in (
    *(get_data, attribution),
    *(train, campaign),
    *(export, import_checkpoint),
    *(evaluate, quality, readme, robustness, ensembles, estimates, noise_statistics),
    *(illustrate, illustrate_real),
    *(reproduce, analysis_figure),
):
    app.command()(_command)
