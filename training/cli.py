"""``python -m training``: the commands."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from training.reproduce.figure_names import Figure


class _Commands(TyperGroup):
    """Says in one line what was wrong with the input, instead of a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (ValueError, OSError) as exc:
            typer.echo(f"error: {' '.join(str(exc).split())}", err=True)
            raise typer.Exit(2) from exc


app = typer.Typer(cls=_Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def main() -> None:
    """Train bias-free denoisers, export them to ONNX, measure them."""


@app.command()
def get_data(
    sets: Annotated[list[str] | None, typer.Argument(help="Names of image sets; all of them if none is given.")] = None,
    *,
    output: Annotated[Path, typer.Option(help="Folder; each set becomes a folder in it.")] = Path("data"),
    list_sets: Annotated[bool, typer.Option("--list", help="Show the sets, their sources and terms of use.")] = False,
) -> None:
    """Download public image sets, checked against published checksums.

    Where nobody publishes one, the checksum of the first download is recorded and asked for from then on. The
    photographs of the set photos are scaled down; the exit status is 2 if any of them is missing.
    """
    from rich.console import Console

    from training.data import get_data

    if list_sets:
        Console().print(get_data.list_sets())
    else:
        get_data.get_data(sets or [], output, console=Console())


@app.command()
def attribution(
    *,
    output: Annotated[Path, typer.Option(help="The Markdown page to write.")],
) -> None:
    """Write who took the photographs of the set photos, and under which licenses."""
    from training.data.attribution import attribution as page

    output.write_text(page(), encoding="utf-8")


@app.command()
def train(
    *,
    images: Annotated[Path, typer.Option(help="Folder of photographs to train on, searched recursively.")],
    output: Annotated[Path, typer.Option(help="Folder of the run; a run that is there goes on where it stopped.")],
    recipe: Annotated[str, typer.Option(help="A shipped recipe's name, or a .toml file.")] = "gray",
    validation: Annotated[Path | None, typer.Option(help="Folder for the running PSNR; never trained on.")] = None,
    start_from: Annotated[
        Path | None, typer.Option(help="Folder of a run, or an .onnx model, whose weights are the first ones.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Budget in steps, instead of the recipe's.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Budget in minutes of training, not the recipe's.")] = None,
    validate_every: Annotated[int, typer.Option(help="Steps between measurements.", min=1)] = 1000,
    checkpoint_every_s: Annotated[float, typer.Option(help="Seconds between checkpoints.")] = 120,
    device: Annotated[str | None, typer.Option(help="torch device; by default CUDA where there is one.")] = None,
    workers: Annotated[
        int, typer.Option(help="Processes that make the noisy patches ahead of the training.", min=0)
    ] = 0,
) -> None:
    """Train a network, or go on with a run that was interrupted."""
    from training.fit.recipe import read_recipe
    from training.fit.run import run

    run(
        read_recipe(recipe).with_budget(steps=steps, minutes=minutes),
        images=images,
        output=output,
        validation=validation,
        start_from=start_from,
        validate_every=validate_every,
        checkpoint_every_s=checkpoint_every_s,
        device=device,
        workers=workers,
    )


@app.command()
def evaluate(
    models: Annotated[
        list[str], typer.Argument(help="ONNX models, and names of classical denoisers, as wavelet-bayes.")
    ],
    *,
    images: Annotated[Path, typer.Option(help="Folder of clean images.")],
    output: Annotated[Path, typer.Option(help="Folder for evaluation.md, .json and .png.")],
    sigmas: Annotated[str | None, typer.Option(help="Noise levels, 0-255 scale, as 5,10,25; 5 to 200 if not.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="A model's name in the report; once for each.")] = None,
    tell_sigma: Annotated[bool, typer.Option(help="Tell classical denoisers the noise level.")] = False,
) -> None:
    """Measure PSNR and SSIM of models on a folder of images."""
    from rich.console import Console

    from training.evaluate.measure import measure, read_sigmas
    from training.evaluate.metrics import SIGMAS_255

    measure(
        models,
        labels=label or [],
        images=images,
        output=output,
        sigmas_255=read_sigmas(sigmas) if sigmas else SIGMAS_255,
        tell_sigma=tell_sigma,
        console=Console(),
    )


@app.command()
def quality(
    *,
    gray: Annotated[Path, typer.Option(help="Folder of clean images, read as gray.")],
    color: Annotated[Path, typer.Option(help="Folder of clean images, read as RGB.")],
    pairs: Annotated[
        list[Path] | None, typer.Option(help="Folder of real pairs, with noisy/ and clean/; repeatable.")
    ] = None,
    output: Annotated[Path, typer.Option(help="The page; its figures go to images beside it.")] = Path(
        "docs/quality.md"
    ),
) -> None:
    """Measure every shipped model and every classical denoiser, and write the page of the documents."""
    from rich.console import Console

    from training.evaluate.quality import quality as write

    write(gray=gray, color=color, pairs=pairs or [], output=output, console=Console())


@app.command()
def robustness(
    models: Annotated[list[Path] | None, typer.Argument(help="Model files; the shipped ones if none is given.")] = None,
    *,
    gray: Annotated[Path, typer.Option(help="Folder of clean images, read as gray.")],
    color: Annotated[Path, typer.Option(help="Folder of clean images, read as RGB.")],
    pairs: Annotated[
        list[Path] | None, typer.Option(help="Folder of real pairs, with noisy/ and clean/; repeatable.")
    ] = None,
    output: Annotated[Path, typer.Option(help="Folder for robustness.md and robustness.json.")],
) -> None:
    """Measure models on noise that is not white: cameras, JPEG, photons, borders, outliers, and real pairs."""
    from rich.console import Console

    from training.evaluate.robustness.report import robustness as measure
    from training.evaluate.robustness.report import write

    console = Console(soft_wrap=True)
    tables = measure(models or [], gray=gray, color=color, pairs=pairs or [], console=console)
    write(tables, output)
    for table in tables:
        console.print(table.markdown())


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")],
    *,
    output: Annotated[Path, typer.Option(help="The .onnx file to write.")],
    name: Annotated[str, typer.Option(help="The model's name in the service.")],
    version: Annotated[str, typer.Option(help="The model's version.")] = "1",
    data: Annotated[
        str,
        typer.Option(help="The training images for the card: words, or image sets, oldest first, as bsds432,photos."),
    ] = "not stated",
    licence: Annotated[
        str, typer.Option(help="Their license, in words, for the card; by default that of the image sets.")
    ] = "not stated",
    evaluate_on: Annotated[
        list[Path] | None, typer.Option(help="Folder of clean images to measure the model on; repeatable.")
    ] = None,
    pairs: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of real pairs to measure it on (noisy/, clean/); repeatable."),
    ] = None,
) -> None:
    """Write a run's network as a verified .onnx model with its card."""
    from rich.console import Console

    from training.export.export import Provenance
    from training.export.export import export as write

    provenance = Provenance(name=name, version=version, data=data, licence=licence)
    card = write(run, output, provenance, evaluation_sets=evaluate_on or [], pairs=pairs or [])
    console = Console()
    console.print(f"{output}: {card.parameters} parameters, {card.macs_per_pixel:.0f} multiply-adds a pixel")
    for evaluation in card.evaluations:
        scores = "  ".join(f"{score.sigma_255:g}: {score.psnr_db:.2f}" for score in evaluation.scores)
        console.print(f"PSNR in dB by sigma on {evaluation.images} ({evaluation.count} images)  {scores}")


class Released(StrEnum):
    """Architectures of the authors' released checkpoints."""

    DNCNN = "dncnn"
    UNET = "unet"
    RCNN = "rcnn"
    SDENSENET = "sdensenet"


@app.command()
def import_checkpoint(
    file: Annotated[Path, typer.Argument(help="A .pt file of the authors' public repository.")],
    *,
    architecture: Annotated[Released, typer.Option(help="What the file holds.")],
    output: Annotated[Path, typer.Option(help="The .onnx file to write.")],
    name: Annotated[str | None, typer.Option(help="The model's name; the output's if not.")] = None,
    version: Annotated[str, typer.Option(help="The model's version.")] = "1",
    sigmas: Annotated[
        str | None, typer.Option(help="Noise range of its training, 0-255 scale, as 0,100; the file's own if not.")
    ] = None,
    data: Annotated[str, typer.Option(help="The training images, in words, for the card.")] = "not stated",
    licence: Annotated[str, typer.Option(help="Their licence, in words, for the card.")] = "not stated",
) -> None:
    """Turn a checkpoint that the paper's authors released into a verified .onnx model.

    The file is read without running anything in it. Networks with additive constants are for comparison only.
    """
    from training.evaluate.measure import read_sigmas
    from training.export.export import Provenance
    from training.export.import_checkpoint import import_checkpoint as convert

    provenance = Provenance(name=name or output.stem, version=version, data=data, licence=licence)
    card = convert(
        file, output, architecture.value, provenance, sigma_range_255=read_sigmas(sigmas) if sigmas else None
    )
    low, high = card.training.sigma_range_255
    kind = "with additive constants: to compare with, not to serve" if card.arguments["bias"] else "bias-free"
    typer.echo(f"{output}: {card.architecture}, {card.parameters} parameters, trained on {low:g} to {high:g}, {kind}")


@app.command()
def estimates(
    model: Annotated[Path, typer.Argument(help="A model file.")],
    *,
    images: Annotated[Path, typer.Option(help="Folder of clean images.")],
    sigmas: Annotated[str, typer.Option(help="Noise levels, 0-255 scale.")] = "5,10,25,50,100",
) -> None:
    """Compare the service's estimates of noise level and PSNR with the truth."""
    from rich.console import Console

    from training.evaluate.estimates import measure_estimates, table
    from training.evaluate.measure import read_sigmas

    Console().print(table(measure_estimates(model, images, read_sigmas(sigmas))))


@app.command()
def illustrate(
    model: Annotated[Path, typer.Argument(help="A model file.")],
    *,
    image: Annotated[Path, typer.Option(help="A clean photograph.")],
    output: Annotated[Path, typer.Option(help="The PNG to write.")],
    sigma: Annotated[float, typer.Option(help="Noise standard deviation, 0-255 scale.")] = 50,
) -> None:
    """Draw a photograph clean, with noise, and denoised."""
    from training.evaluate.illustrate import illustrate as draw

    draw(model, image, output, sigma_255=sigma)


@app.command()
def reproduce(
    figure: Annotated[Figure, typer.Argument(help="A page, or all of them.")],
    *,
    images: Annotated[Path, typer.Option(help="Folder of clean photographs to measure on.")],
    output: Annotated[Path, typer.Option(help="Folder for tables, numbers and figures.")],
    train_on: Annotated[
        Path | None,
        typer.Option(help="Folder of photographs to train small networks on: generalisation, bias, layers."),
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="The model file that is looked into; the shipped gray one if not.")
    ] = None,
    count: Annotated[int, typer.Option(help="Photographs that are looked into, the first by name.", min=1)] = 10,
    size: Annotated[int, typer.Option(help="Side in pixels of the patch in the middle of each.", min=4)] = 40,
) -> None:
    """Measure as the paper and the report do, and print the numbers beside theirs."""
    from rich.console import Console

    from training.reproduce.catalogue import Request
    from training.reproduce.catalogue import reproduce as make

    request = Request(images=images, output=output, model=model, train_on=train_on, count=count, side=size)
    make(figure, request, Console())


@app.command()
def analysis_figure(
    *,
    output: Annotated[Path, typer.Option(help="The PNG to write.")],
) -> None:
    """Draw the documents' example of an analysis: a cat's eye with noise, and the shipped gray model."""
    from training.reproduce.example import draw_example

    draw_example(output)
