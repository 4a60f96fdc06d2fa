"""The commands of ``biasfree`` and their options; the modules beside this one implement them, loaded when needed."""

import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

import typer

from biasfree_client._formats import Format
from biasfree_client._options import AnalyzeOptions, DenoiseOptions
from biasfree_client.cli.failure import Commands, UsageError, end_on_interrupt
from biasfree_client.cli.names import Name
from biasfree_client.cli.options import (
    AnyFile,
    Axes,
    BitDepth,
    Color,
    ColorOption,
    DryRun,
    Inputs,
    Json,
    Method,
    Model,
    NameTemplate,
    OutputFolder,
    Overwrite,
    Quiet,
    Recursive,
    Timeout,
    Url,
    options_of,
)
from biasfree_client.cli.output import replace_closed

app = typer.Typer(cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="rich")


def run() -> None:
    """Run the command line.

    Threads that still wait for a service end with the process; this is safe because they write files atomically.
    """
    end_on_interrupt()
    replace_closed()
    try:
        app()
    except SystemExit as ended:
        if threading.active_count() > 1 and isinstance(ended.code, int):
            with suppress(OSError):
                sys.stdout.flush()
            os._exit(ended.code)
        raise


def _version(wanted: bool) -> None:
    if wanted:
        from biasfree_client import __version__

        typer.echo(f"biasfree-client {__version__}")
        raise typer.Exit


@app.callback(epilog="BIASFREE_URL sets the address of the service, BIASFREE_API_KEY the API key if it requires one.")
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Remove noise from images of any kind, and see how the network did it.

    Exit status: 0 on success, 1 on failure, 2 on wrong usage, 130 after an interrupt.
    """


@app.command()
def denoise(
    context: typer.Context,
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="IN", help="Image files, folders, patterns such as 'photos/*.png', or - for standard input."
        ),
    ],
    target: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR|FILE|-",
            help="Folder for the results, created if needed; for a single image, also a file or - for standard output. "
            "By default NAME-denoised beside each image, or standard output for standard input.",
        ),
    ] = None,
    strength: Annotated[float, typer.Option(min=0, max=1, help="From 0, the input, to 1, fully denoised.")] = 1.0,
    chroma_strength: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Strength for color noise; --strength then applies to luminance only."),
    ] = None,
    format: Annotated[
        Literal["png", "jpeg", "webp", "bmp", "tiff", "npy", "avif", "pnm", "fits"] | None,
        typer.Option(
            help="Format of the results. Defaults to the output file's, then to the image's, then to PNG or TIFF."
        ),
    ] = None,
    quality: Annotated[
        int | None, typer.Option(min=1, max=100, help="Quality of a JPEG, an AVIF or a lossy WebP.")
    ] = None,
    bits: Annotated[
        Literal["8", "16"] | None, typer.Option(help="Bits per sample of the results. Defaults to those of the image.")
    ] = None,
    ensemble: Annotated[
        Literal["1", "2", "4", "8"] | None,
        typer.Option(help="Mean over this many orientations of the image: better, and as many times slower."),
    ] = None,
    estimate: Annotated[
        bool,
        typer.Option(
            "--estimate", help="Estimate the noise (level and kind) and the result's PSNR; takes twice as long."
        ),
    ] = False,
    residual: Annotated[
        bool, typer.Option("--residual", help="Write the removed noise instead of the denoised image.")
    ] = False,
    color: ColorOption = Color.AUTO,
    bit_depth: BitDepth = None,
    axes: Axes = None,
    recursive: Recursive = False,
    watch: Annotated[
        bool,
        typer.Option("--watch", "-w", help="Keep running and denoise files that arrive in the folders, until Ctrl-C."),
    ] = False,
    name: NameTemplate = None,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    concurrency: Annotated[int, typer.Option("--concurrency", "-j", min=1, help="Images to process at a time.")] = 4,
    quiet: Quiet = False,
    json: Json = False,
    model: Model = None,
    url: Url = None,
    timeout: Timeout = None,
) -> None:
    """Denoise images. Existing results are skipped, so an interrupted run resumes.

    [bold]biasfree denoise photos/ -o out/[/bold]
    """
    from biasfree_client.cli import denoise as command
    from biasfree_client.cli.service import PATIENT, connect
    from biasfree_client.cli.sources import Selection
    from biasfree_client.cli.watch import watch_files

    # Parameters named like an option are passed on as they are; those below differ.
    options: DenoiseOptions = {
        **options_of(context, DenoiseOptions),
        "bits": int(bits) if bits else None,
        "ensemble": int(ensemble) if ensemble else None,
        "output": "residual" if residual else None,
        "color": None if color is Color.AUTO else color.value,
    }
    if command.STREAM in (*inputs, target):
        if len(inputs) > 1 or json or watch or dry_run or name or Path(inputs[0]).is_dir():
            raise UsageError(
                "- is a single image; it excludes other inputs, folders, --json, --watch, --dry-run and --name"
            )
        with connect(url, timeout) as denoiser:
            command.denoise_stream(inputs[0], target or command.STREAM, denoiser, options, overwrite=overwrite)
        return
    if watch and dry_run:
        raise UsageError("--dry-run ends at once, and --watch never does; use one of them")
    template = Name.read(name) if name else None
    made = None if target else template or command.BESIDE
    selection = Selection(inputs, recursive, leave_out=Path(target) if target else None, made=made)
    with connect(url, timeout, retries=PATIENT) as denoiser:
        denoising = command.Denoising(denoiser, options, overwrite, concurrency, dry_run, quiet)
        run = watch_files if watch else command.denoise_files
        succeeded = run(selection, target, denoising, as_json=json, name=template)
    raise typer.Exit(0 if succeeded else 1)


@app.command()
def analyze(
    context: typer.Context,
    image: Annotated[str, typer.Argument(metavar="IN", help="An image file, or - for standard input.")],
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="File for the drawing (.png) or the arrays (.npz); repeatable."
        ),
    ] = None,
    x: Annotated[int | None, typer.Option(min=0, help="Left column of the patch; by default centered.")] = None,
    y: Annotated[int | None, typer.Option(min=0, help="Top row of the patch; by default centered.")] = None,
    size: Annotated[
        int | None, typer.Option(min=1, help="Side of the patch; by default 40, or the image's side if smaller.")
    ] = None,
    k: Annotated[int | None, typer.Option("-k", min=1, help="Singular vectors from each end. Defaults to 8.")] = None,
    method: Annotated[Method, typer.Option(help="Dense: the whole spectrum; iterative: its upper end.")] = Method.AUTO,
    pixel: Annotated[
        list[str] | None, typer.Option(metavar="X,Y", help="Pixel whose equivalent filter to return; repeatable.")
    ] = None,
    clean: Annotated[Path | None, typer.Option(help="The same image without noise, if known.")] = None,
    probes: Annotated[int, typer.Option(min=0, help="Random vectors for estimates over the whole image.")] = 0,
    frame: Annotated[int, typer.Option(min=0, help="Page of a stack, counted from 0.")] = 0,
    color: ColorOption = Color.AUTO,
    bit_depth: BitDepth = None,
    axes: Axes = None,
    overwrite: Overwrite = False,
    json: Json = False,
    model: Model = None,
    url: Url = None,
    timeout: Timeout = None,
) -> None:
    """Analyze the network at a patch: its Jacobian there, and the Jacobian's singular values.

    [bold]biasfree analyze noisy.png -o analysis.png -o analysis.npz[/bold]
    """
    from biasfree_client.cli import analyze as command
    from biasfree_client.cli.service import connect

    options: AnalyzeOptions = {
        **options_of(context, AnalyzeOptions),
        "pixels": [_pixel(text) for text in pixel or ()],
        "color": None if color is Color.AUTO else color.value,
    }
    with connect(url, timeout) as denoiser:
        command.analyze(image, output or (), denoiser, options, overwrite=overwrite, as_json=json)


def _pixel(text: str) -> tuple[int, int]:
    x, comma, y = text.partition(",")
    if not (comma and x.isdecimal() and y.isdecimal()):
        raise UsageError(f"--pixel must be X,Y such as 128,96, not {text}")
    return int(x), int(y)


@app.command()
def models(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Model to show the card of.")] = None,
    json: Json = False,
    url: Url = None,
    timeout: Timeout = None,
) -> None:
    """List the available models, or show one model's card: origin and measured quality."""
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
        bool, typer.Option("--float", help="Write 32-bit floats in 0..1, neither rounded nor clipped, as TIFF or NPY.")
    ] = False,
    format: Annotated[
        str | None,
        typer.Option(
            metavar="png|tiff|npy",
            help="Format of the results. Defaults to the image's, to PNG for lossy ones, and to TIFF with --float.",
        ),
    ] = None,
    bit_depth: BitDepth = None,
    recursive: Recursive = False,
    name: NameTemplate = None,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Add reproducible Gaussian noise at the image's own depth. Does not need the service.

    The noise of image i, counted from 0, comes from numpy.random.default_rng((seed, round(100 sigma), i)), as in the
    evaluation of the models.
    """
    from biasfree_client._files import WRITTEN
    from biasfree_client.cli import noise as command
    from biasfree_client.cli.sources import Selection

    allowed = [each.value for each in WRITTEN if not (float_ and each is Format.PNG)]
    if format not in (None, *allowed):
        raise UsageError(f"--format must be {' or '.join(allowed)}{' with --float' if float_ else ''}, not {format}")
    template = Name.read(name) if name else None
    made = None if output else template or command.BESIDE
    selection = Selection(inputs, recursive, leave_out=Path(output) if output else None, made=made)
    noise = command.Noise(sigma, seed, bit_depth, float_)
    writing = command.Writing(output, template, format, overwrite, dry_run, quiet, json)
    succeeded = command.add_noise(selection, noise, writing)
    raise typer.Exit(0 if succeeded else 1)


@app.command()
def compare(clean: AnyFile, image: AnyFile, bit_depth: BitDepth = None, json: Json = False) -> None:
    """Compare an image with the clean one: PSNR in dB, and SSIM. Requires the extra `compare`, but not the service."""
    from biasfree_client.cli import compare as command

    command.compare(clean, image, bit_depth=bit_depth, as_json=json)


@app.command()
def doctor(json: Json = False, url: Url = None, timeout: Timeout = None) -> None:
    """Check the service: address, models, device, and a test image. Exits with status 1 if it is not healthy."""
    from biasfree_client.cli import doctor as command
    from biasfree_client.cli.service import connect

    with connect(url, timeout or 30.0) as denoiser:
        healthy = command.doctor(denoiser, url, as_json=json)
    raise typer.Exit(0 if healthy else 1)
