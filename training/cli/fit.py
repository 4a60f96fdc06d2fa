"""Commands that train."""

from pathlib import Path
from typing import Annotated

import typer

ValidateEvery = Annotated[int, typer.Option(help="Steps between PSNR measurements.", min=1)]
CheckpointEvery = Annotated[float, typer.Option(help="Seconds between checkpoints.")]
Device = Annotated[str | None, typer.Option(help="torch device; defaults to CUDA if available.")]
Workers = Annotated[int, typer.Option(help="Number of processes that make noisy patches ahead of the training.", min=0)]


def train(
    *,
    images: Annotated[Path, typer.Option(help="Folder of photographs to train on, searched recursively.")],
    output: Annotated[Path, typer.Option(help="Folder of the run; an existing run is resumed.")],
    recipe: Annotated[str, typer.Option(help="Name of a shipped recipe, or a .toml file.")] = "gray",
    validation: Annotated[
        Path | None,
        typer.Option(help="Folder of images to measure the PSNR on during training; defaults to some of --images."),
    ] = None,
    start_from: Annotated[
        Path | None, typer.Option(help="Initial weights: folder of a run, model file, or name of a shipped model.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Budget in steps; replaces the recipe's budget.")] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Budget in minutes of training; replaces the recipe's budget.")
    ] = None,
    validate_every: ValidateEvery = 1000,
    checkpoint_every_s: CheckpointEvery = 120,
    device: Device = None,
    workers: Workers = 0,
) -> None:
    """Train a network, or resume an interrupted run."""
    from training.fit.recipe import read_recipe, shortness
    from training.fit.run import run

    settings = read_recipe(recipe).with_budget(steps=steps, minutes=minutes)
    if start_from is None and (sentence := shortness(settings)):
        typer.echo(sentence, err=True)
    run(
        settings,
        images=images,
        output=output,
        validation=validation,
        start_from=start_from,
        validate_every=validate_every,
        checkpoint_every_s=checkpoint_every_s,
        device=device,
        workers=workers,
    )


def campaign(
    plan: Annotated[Path, typer.Argument(help="TOML file with a [[stage]] table for each run.")],
    *,
    data: Annotated[Path, typer.Option(help="Folder that the folders of the plan are relative to.")] = Path(),
    output: Annotated[Path, typer.Option(help="Folder for the runs and campaign.md; an existing campaign is resumed.")],
    validate_every: ValidateEvery = 500,
    checkpoint_every_s: CheckpointEvery = 120,
    device: Device = None,
    workers: Workers = 0,
) -> None:
    """Train several networks in turn, stage by stage, or resume an interrupted campaign."""
    from rich.console import Console

    from training.fit.campaign import campaign as run
    from training.fit.campaign import read_plan

    run(
        read_plan(plan),
        data=data,
        output=output,
        validate_every=validate_every,
        checkpoint_every_s=checkpoint_every_s,
        device=device,
        workers=workers,
        console=Console(soft_wrap=True),
    )
