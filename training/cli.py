"""The commands of ``python -m training``."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from biasfree.options import EnsembleSize
from training.reproduce.page_names import PageName


class _Commands(TyperGroup):
    """Commands that report invalid input in one line instead of a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (ValueError, OSError) as exc:
            typer.echo(f"error: {' '.join(str(exc).split())}", err=True)
            raise typer.Exit(2) from exc


Ensemble = Annotated[
    Literal["1", "2", "4", "8"],
    typer.Option(help="Number of orientations of each image over which a network's results are averaged."),
]
GrayFolder = Annotated[Path, typer.Option(help="Folder of clean images, read as gray.")]
ColorFolder = Annotated[Path, typer.Option(help="Folder of clean images, read as RGB.")]
Pairs = Annotated[list[Path] | None, typer.Option(help="Folder of real pairs, with noisy/ and clean/; repeatable.")]
SIZES: dict[str, EnsembleSize] = {"1": 1, "2": 2, "4": 4, "8": 8}

app = typer.Typer(cls=_Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def main() -> None:
    """Train bias-free denoisers, export them to ONNX, and measure them."""


@app.command()
def get_data(
    sets: Annotated[list[str] | None, typer.Argument(help="Names of image sets; defaults to all.")] = None,
    *,
    output: Annotated[Path, typer.Option(help="Target folder; each set becomes a subfolder.")] = Path("data"),
    list_sets: Annotated[bool, typer.Option("--list", help="List the sets, their sources and terms of use.")] = False,
) -> None:
    """Download public image sets and verify their published checksums.

    If nobody publishes a checksum, that of the first download is recorded, and later downloads must match it. The
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
    output: Annotated[Path, typer.Option(help="Markdown file to write.")],
) -> None:
    """Write a page with the authors and licenses of the photographs in the set photos."""
    from training.data.attribution import attribution as page

    output.write_text(page(), encoding="utf-8")


@app.command()
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
        Path | None, typer.Option(help="Folder of a run, or an .onnx model, to take the initial weights from.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Budget in steps; replaces the recipe's budget.")] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Budget in minutes of training; replaces the recipe's budget.")
    ] = None,
    validate_every: Annotated[int, typer.Option(help="Steps between PSNR measurements.", min=1)] = 1000,
    checkpoint_every_s: Annotated[float, typer.Option(help="Seconds between checkpoints.")] = 120,
    device: Annotated[str | None, typer.Option(help="torch device; defaults to CUDA if available.")] = None,
    workers: Annotated[
        int, typer.Option(help="Number of processes that make noisy patches ahead of the training.", min=0)
    ] = 0,
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


@app.command()
def campaign(
    plan: Annotated[Path, typer.Argument(help="TOML file with a [[stage]] table for each run.")],
    *,
    data: Annotated[Path, typer.Option(help="Folder that the folders of the plan are relative to.")] = Path(),
    output: Annotated[Path, typer.Option(help="Folder for the runs and campaign.md; an existing campaign is resumed.")],
    validate_every: Annotated[int, typer.Option(help="Steps between PSNR measurements.", min=1)] = 500,
    checkpoint_every_s: Annotated[float, typer.Option(help="Seconds between checkpoints.")] = 120,
    device: Annotated[str | None, typer.Option(help="torch device; defaults to CUDA if available.")] = None,
    workers: Annotated[
        int, typer.Option(help="Number of processes that make noisy patches ahead of the training.", min=0)
    ] = 0,
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


@app.command()
def evaluate(
    models: Annotated[
        list[str], typer.Argument(help="ONNX models, and names of classical denoisers such as wavelet-bayes.")
    ],
    *,
    images: Annotated[Path, typer.Option(help="Folder of clean images.")],
    output: Annotated[Path, typer.Option(help="Folder for evaluation.md, .json and .png.")],
    sigmas: Annotated[
        str | None, typer.Option(help="Noise levels on the 0-255 scale, e.g. 5,10,25; defaults to 9 from 5 to 200.")
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option(help="Name of a model in the report; repeat once per model.")
    ] = None,
    tell_sigma: Annotated[
        bool, typer.Option(help="Tell classical denoisers the noise level instead of letting them estimate it.")
    ] = False,
    ensemble: Ensemble = "1",
) -> None:
    """Measure the PSNR and SSIM of models on a folder of images."""
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
        ensemble=SIZES[ensemble],
        console=Console(),
    )


@app.command()
def quality(
    *,
    gray: GrayFolder,
    color: ColorFolder,
    pairs: Pairs = None,
    output: Annotated[Path, typer.Option(help="Markdown file to write; its figures go to images/ beside it.")] = Path(
        "docs/quality.md"
    ),
) -> None:
    """Measure every shipped model and every classical denoiser, and write docs/quality.md."""
    from rich.console import Console

    from training.evaluate.quality import quality as write

    write(gray=gray, color=color, pairs=pairs or [], output=output, console=Console())


@app.command()
def robustness(
    models: Annotated[
        list[str] | None,
        typer.Argument(help="Model files, and names of classical denoisers; defaults to everything that is shipped."),
    ] = None,
    *,
    gray: GrayFolder,
    color: ColorFolder,
    pairs: Pairs = None,
    output: Annotated[Path, typer.Option(help="Folder for robustness.md and robustness.json.")],
    ensemble: Ensemble = "1",
) -> None:
    """Measure models on noise that is not white: cameras, JPEG, photons, borders, outliers and real pairs."""
    from rich.console import Console

    from training.evaluate.robustness.report import robustness as measure
    from training.evaluate.robustness.report import write

    console = Console(soft_wrap=True)
    tables = measure(models or [], gray=gray, color=color, pairs=pairs or [], ensemble=SIZES[ensemble], console=console)
    write(tables, output)
    for table in tables:
        console.print(table.markdown())


@app.command()
def ensembles(
    *,
    gray: GrayFolder,
    color: ColorFolder,
    pairs: Pairs = None,
) -> None:
    """Measure what the mean over several orientations of an image gains, for every shipped network."""
    from training.evaluate.robustness.ensembles import ensembles as measure

    typer.echo(measure(gray=gray, color=color, pairs=pairs or []))


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")],
    *,
    output: Annotated[Path, typer.Option(help="ONNX file to write.")],
    name: Annotated[str, typer.Option(help="Name of the model in the service.")],
    version: Annotated[str, typer.Option(help="Version of the model.")] = "1",
    data: Annotated[
        str,
        typer.Option(
            help="Training images, for the card: in words, or as image sets, oldest first, e.g. bsds432,photos."
        ),
    ] = "not stated",
    licence: Annotated[
        str, typer.Option(help="License of the training images, for the card; defaults to that of the image sets.")
    ] = "not stated",
    evaluate_on: Annotated[
        list[Path] | None, typer.Option(help="Folder of clean images to measure the model on; repeatable.")
    ] = None,
    pairs: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of real pairs, with noisy/ and clean/, to measure the model on; repeatable."),
    ] = None,
) -> None:
    """Export a run's network as a verified .onnx model with its card."""
    from rich.console import Console

    from training.export.export import Provenance
    from training.export.export import export as write

    provenance = Provenance(name=name, version=version, data=data, licence=licence)
    card = write(run, output, provenance, evaluation_sets=evaluate_on or [], pairs=pairs or [])
    console = Console()
    console.print(f"{output}: {card.parameters} parameters, {card.macs_per_pixel:.0f} multiply-adds per pixel")
    for evaluation in card.evaluations:
        scores = "  ".join(f"{score.sigma_255:g}: {score.psnr_db:.2f}" for score in evaluation.scores)
        console.print(f"PSNR in dB by sigma on {evaluation.images} ({evaluation.count} images)  {scores}")


class Released(StrEnum):
    """Architectures of the checkpoints that the authors released."""

    DNCNN = "dncnn"
    UNET = "unet"
    RCNN = "rcnn"
    SDENSENET = "sdensenet"


@app.command()
def import_checkpoint(
    file: Annotated[Path, typer.Argument(help="A .pt file from the authors' public repository.")],
    *,
    architecture: Annotated[Released, typer.Option(help="Architecture of the network in the file.")],
    output: Annotated[Path, typer.Option(help="ONNX file to write.")],
    name: Annotated[str | None, typer.Option(help="Name of the model; defaults to that of the output file.")] = None,
    version: Annotated[str, typer.Option(help="Version of the model.")] = "1",
    sigmas: Annotated[
        str | None,
        typer.Option(help="Noise range of its training on the 0-255 scale, e.g. 0,100; defaults to that in the file."),
    ] = None,
    data: Annotated[str, typer.Option(help="Training images, in words, for the card.")] = "not stated",
    licence: Annotated[str, typer.Option(help="License of the training images, for the card.")] = "not stated",
) -> None:
    """Convert a checkpoint that the paper's authors released to a verified .onnx model.

    No code in the file is run. Networks with additive constants are for comparison only.
    """
    from training.evaluate.measure import read_sigmas
    from training.export.export import Provenance
    from training.export.import_checkpoint import import_checkpoint as convert

    provenance = Provenance(name=name or output.stem, version=version, data=data, licence=licence)
    card = convert(
        file, output, architecture.value, provenance, sigma_range_255=read_sigmas(sigmas) if sigmas else None
    )
    low, high = card.training.sigma_range_255
    kind = "with additive constants: for comparison, not to serve" if card.arguments["bias"] else "bias-free"
    typer.echo(f"{output}: {card.architecture}, {card.parameters} parameters, trained on {low:g} to {high:g}, {kind}")


@app.command()
def estimates(
    model: Annotated[Path, typer.Argument(help="A model file.")],
    *,
    images: Annotated[Path, typer.Option(help="Folder of clean images.")],
    sigmas: Annotated[str, typer.Option(help="Noise levels on the 0-255 scale.")] = "5,10,25,50,100",
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
    output: Annotated[Path, typer.Option(help="PNG file to write.")],
    sigma: Annotated[float, typer.Option(help="Noise standard deviation on the 0-255 scale.")] = 50,
) -> None:
    """Draw a photograph clean, with noise, and denoised."""
    from training.evaluate.figures import illustrate as draw

    draw(model, image, output, sigma_255=sigma)


@app.command()
def illustrate_real(
    image: Annotated[Path, typer.Argument(help="A photograph with its own noise.")],
    *,
    output: Annotated[Path, typer.Option(help="PNG file to write.")],
    box: Annotated[
        tuple[int, int, int, int] | None, typer.Option(help="Left, top, right and bottom of the part to draw, pixels.")
    ] = None,
) -> None:
    """Draw a noisy photograph before and after the default models."""
    from training.evaluate.figures import illustrate_real as draw

    draw(image, output, box=box)


@app.command()
def reproduce(
    page: Annotated[PageName, typer.Argument(help="A page, or all of them.")],
    *,
    images: Annotated[Path, typer.Option(help="Folder of clean photographs to measure on.")],
    output: Annotated[Path, typer.Option(help="Folder for tables, numbers and figures.")],
    train_on: Annotated[
        Path | None,
        typer.Option(help="Folder of photographs to train small networks on, for generalisation, bias and layers."),
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="Model file to analyze; defaults to the shipped gray model.")
    ] = None,
    count: Annotated[
        int, typer.Option(help="Number of photographs to measure, in the order of their names.", min=1)
    ] = 10,
    size: Annotated[
        int, typer.Option(help="Side in pixels of the patch in the middle of each photograph.", min=4)
    ] = 40,
) -> None:
    """Repeat the measurements of the paper and the report, and print the numbers beside theirs."""
    from rich.console import Console

    from training.reproduce.pages import Request
    from training.reproduce.pages import reproduce as make

    request = Request(images=images, output=output, model=model, train_on=train_on, count=count, side=size)
    make(page, request, Console())


@app.command()
def analysis_figure(
    *,
    output: Annotated[Path, typer.Option(help="PNG file to write.")],
) -> None:
    """Draw the documentation's example of an analysis: a noisy cat's eye and the shipped gray model."""
    from training.reproduce.analysis_figure import draw_analysis_figure

    draw_analysis_figure(output)
