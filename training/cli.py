"""``python -m training``: the commands."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def main() -> None:
    """Train bias-free denoisers, export them to ONNX, measure them."""


@app.command()
def train(
    *,
    images: Annotated[Path, typer.Option(help="Folder of photographs to train on, searched recursively.")],
    output: Annotated[Path, typer.Option(help="Folder of the run; a run that is there goes on where it stopped.")],
    recipe: Annotated[str, typer.Option(help="A shipped recipe's name, or a .toml file.")] = "gray",
    validation: Annotated[Path | None, typer.Option(help="Folder for the running PSNR; never trained on.")] = None,
    steps: Annotated[int | None, typer.Option(help="Budget in steps, instead of the recipe's.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Budget in minutes of training, instead of the recipe's.")] = None,
    validate_every: Annotated[int, typer.Option(help="Steps between measurements.")] = 1000,
    checkpoint_every_s: Annotated[float, typer.Option(help="Seconds between checkpoints.")] = 120,
    device: Annotated[str | None, typer.Option(help="torch device; by default CUDA where there is one.")] = None,
) -> None:
    """Train a network, or go on with a run that was interrupted."""
    from training.recipe import read_recipe
    from training.run import run

    run(
        read_recipe(recipe).with_budget(steps=steps, minutes=minutes),
        images=images,
        output=output,
        validation=validation,
        validate_every=validate_every,
        checkpoint_every_s=checkpoint_every_s,
        device=device,
    )
