"""Commands that write model files."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


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
    start: Annotated[
        Path | None, typer.Option(help="What the run started from, for --start-share: a run or a model.")
    ] = None,
    start_share: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the weights of --start in the mean that is exported.")
    ] = 0,
) -> None:
    """Export a run's network as a verified .onnx model with its card."""
    if start_share and not start:
        raise typer.BadParameter("name what the run started from with --start", param_hint="--start-share")
    from rich.console import Console

    from training.export.export import Provenance
    from training.export.export import export as write

    provenance = Provenance(name=name, version=version, data=data, licence=licence)
    card = write(
        run,
        output,
        provenance,
        evaluation_sets=evaluate_on or [],
        pairs=pairs or [],
        start=start,
        start_share=start_share,
    )
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
