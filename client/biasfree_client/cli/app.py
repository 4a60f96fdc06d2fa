"""``biasfree``: the commands and their options. What they do is in the modules beside this one, loaded when needed."""

import os
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from biasfree_client.cli.failure import Commands, UsageError
from biasfree_client.cli.interrupt import end_on_interrupt
from biasfree_client.cli.options import (
    AnyFile,
    BitDepth,
    Color,
    ColorOption,
    Format,
    Inputs,
    Json,
    Method,
    Model,
    OutputFolder,
    Overwrite,
    Recursive,
    Timeout,
    Url,
)

app = typer.Typer(cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="rich")


def run() -> None:
    """Run the command line.

    Threads that still wait for a service end with it: what they write is whole, or not there.
    """
    end_on_interrupt()
    try:
        app()
    except SystemExit as ended:
        if threading.active_count() > 1 and isinstance(ended.code, int):
            sys.stdout.flush()
            os._exit(ended.code)
        raise


def _version(wanted: bool) -> None:
    if wanted:
        from biasfree_client import __version__

        typer.echo(f"biasfree-client {__version__}")
        raise typer.Exit


@app.callback(epilog="BIASFREE_URL says where the service is, BIASFREE_API_KEY has the key, if it asks for one.")
def main(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Remove noise from images of any kind, and see how it was done.

    Exit status: 0 if all went well, 1 if something failed, 2 if the command was wrong, 130 if it was interrupted.
    """


@app.command()
def denoise(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="IN", help="Image files, folders, patterns such as 'photos/*.png', or - for standard input."
        ),
    ],
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR|FILE|-",
            help="Folder to write to, made if needed; the file, of a single image; or - for standard output. "
            "Else NAME-denoised beside each image; of standard input, standard output.",
        ),
    ] = None,
    strength: Annotated[float, typer.Option(min=0, max=1, help="0 gives the input back, 1 the denoised image.")] = 1.0,
    chroma_strength: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="The strength for color noise; --strength is then that for luminance."),
    ] = None,
    format: Annotated[
        Format | None, typer.Option(help="Format of the results; else the output file's, else the image's own.")
    ] = None,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Estimate level and kind of the noise, and PSNR; takes twice as long.")
    ] = (False),
    residual: Annotated[bool, typer.Option("--residual", help="Write what was taken away, not what is left.")] = False,
    color: ColorOption = Color.AUTO,
    bit_depth: BitDepth = None,
    recursive: Recursive = False,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Stay, and denoise what comes into the folders, until interrupted.")
    ] = False,
    overwrite: Overwrite = False,
    concurrency: Annotated[int, typer.Option("--concurrency", "-j", min=1, help="Images at once.")] = 4,
    json: Json = False,
    model: Model = None,
    url: Url = None,
    timeout: Timeout = None,
) -> None:
    """Denoise images. What is done is skipped, so that a run that was ended goes on where it was.

    [bold]biasfree denoise photos/ -o out/[/bold]
    """
    from biasfree_client.cli import denoise as command
    from biasfree_client.cli.service import PATIENT, connect
    from biasfree_client.cli.sources import Selection

    options = {
        "strength": strength,
        "chroma_strength": chroma_strength,
        "model": model,
        "estimate": estimate,
        "format": format and format.value,
        "output": "residual" if residual else None,
        "color": None if color is Color.AUTO else color.value,
        "bit_depth": bit_depth,
    }
    if command.STREAM in (*inputs, output):
        if len(inputs) > 1 or json or watch or Path(inputs[0]).is_dir():
            raise UsageError("- stands for one image alone: no other inputs, no folder, no --json, no --watch")
        with connect(url, timeout) as denoiser:
            command.denoise_stream(inputs[0], output or command.STREAM, denoiser, options, overwrite=overwrite)
        return
    made = None if output else command.MARK
    selection = Selection(inputs, recursive, leave_out=Path(output) if output else None, made=made)
    with connect(url, timeout, retries=PATIENT) as denoiser:
        denoising = command.Denoising(denoiser, options, overwrite, concurrency)
        succeeded = command.denoise_files(selection, output, denoising, watch=watch, as_json=json)
    raise typer.Exit(0 if succeeded else 1)


@app.command()
def analyze(
    image: Annotated[str, typer.Argument(metavar="IN", help="An image file, or - for standard input.")],
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="A .png to draw it, or a .npz to save the arrays; may be repeated."
        ),
    ] = None,
    x0: Annotated[int | None, typer.Option(min=0, help="Column of the patch's left edge; else centred.")] = None,
    y0: Annotated[int | None, typer.Option(min=0, help="Row of the patch's top edge; else centred.")] = None,
    size: Annotated[int | None, typer.Option(min=1, help="Side of the patch; else 40, or what there is.")] = None,
    k: Annotated[int | None, typer.Option("-k", min=1, help="Singular vectors from each end; else 8.")] = None,
    method: Annotated[Method, typer.Option(help="The whole spectrum, or its upper end.")] = Method.AUTO,
    pixel: Annotated[
        list[str] | None, typer.Option(metavar="X,Y", help="A pixel whose equivalent filter is wanted; repeatable.")
    ] = None,
    clean: Annotated[Path | None, typer.Option(help="The same image without noise, where it is known.")] = None,
    probes: Annotated[int, typer.Option(min=0, help="Random vectors for estimates over the whole image.")] = 0,
    frame: Annotated[int, typer.Option(min=0, help="Page of a stack.")] = 0,
    color: ColorOption = Color.AUTO,
    bit_depth: BitDepth = None,
    overwrite: Overwrite = False,
    json: Json = False,
    model: Model = None,
    url: Url = None,
    timeout: Timeout = None,
) -> None:
    """Show what the network does at a patch: its Jacobian there, and the singular values of that.

    [bold]biasfree analyze noisy.png -o analysis.png -o analysis.npz[/bold]
    """
    from biasfree_client.cli import analyze as command
    from biasfree_client.cli.service import connect

    options = {
        "x0": x0,
        "y0": y0,
        "size": size,
        "k": k,
        "method": method.value,
        "pixels": [_pixel(text) for text in pixel or ()],
        "clean": clean,
        "probes": probes,
        "frame": frame,
        "model": model,
        "color": None if color is Color.AUTO else color.value,
        "bit_depth": bit_depth,
    }
    with connect(url, timeout) as denoiser:
        command.analyze(image, output or (), denoiser, options, overwrite=overwrite, as_json=json)


def _pixel(text: str) -> tuple[int, int]:
    x, comma, y = text.partition(",")
    if not (comma and x.isdecimal() and y.isdecimal()):
        raise UsageError(f"--pixel: expected X,Y such as 128,96, got {text}")
    return int(x), int(y)


@app.command()
def models(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Show the card of this one.")] = None,
    json: Json = False,
    url: Url = None,
    timeout: Timeout = None,
) -> None:
    """List the models that are served, or show the card of one: origin and measured quality."""
    from biasfree_client.cli import models as command
    from biasfree_client.cli.service import connect

    with connect(url, timeout) as denoiser:
        command.models(name, denoiser, as_json=json)


@app.command()
def add_noise(
    inputs: Inputs,
    sigma: Annotated[float, typer.Option("--sigma", "-s", min=0, help="Standard deviation on the 0-255 scale.")],
    output: OutputFolder = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same noise.")] = 0,
    float_: Annotated[
        bool, typer.Option("--float", help="Write 32-bit floats in 0..1, neither rounded nor clipped: TIFF, or NPY.")
    ] = False,
    format: Annotated[
        str | None, typer.Option(metavar="png|tiff|npy", help="Format of the results; else the image's, if lossless.")
    ] = None,
    bit_depth: BitDepth = None,
    recursive: Recursive = False,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Add Gaussian noise that a seed decides, at the image's own depth. Needs no service.

    The noise of the image with place i among the images (from 0) is that of
    numpy.random.default_rng((seed, round(100 sigma), i)), with which the models are measured as well.
    """
    from biasfree_client.cli import noise as command
    from biasfree_client.cli.sources import Selection

    if format not in (None, "png", "tiff", "npy") or (float_ and format == "png"):
        raise UsageError(f"--format: expected {'tiff or npy' if float_ else 'png, tiff or npy'}, got {format}")
    made = None if output else command.MARK
    selection = Selection(inputs, recursive, leave_out=Path(output) if output else None, made=made)
    noise = command.Noise(sigma, seed, bit_depth, float_)
    succeeded = command.add_noise(selection, output, noise, format=format, overwrite=overwrite, as_json=json)
    raise typer.Exit(0 if succeeded else 1)


@app.command()
def compare(clean: AnyFile, image: AnyFile, bit_depth: BitDepth = None, json: Json = False) -> None:
    """Compare an image with the clean one: PSNR in dB, and SSIM. Needs no service, but the extra `compare`."""
    from biasfree_client.cli import compare as command

    command.compare(clean, image, bit_depth=bit_depth, as_json=json)


@app.command()
def doctor(json: Json = False, url: Url = None, timeout: Timeout = None) -> None:
    """Tell what is reachable, which models on which device, and whether an image is denoised. Exit status 1 if not."""
    from biasfree_client.cli import doctor as command
    from biasfree_client.cli.service import connect

    with connect(url, timeout or 30.0) as denoiser:
        healthy = command.doctor(denoiser, url, as_json=json)
    raise typer.Exit(0 if healthy else 1)
