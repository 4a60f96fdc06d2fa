"""The commands of ``biasfree``; the modules beside this one implement them, loaded when needed."""

import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from biasfree_client._formats import Format
from biasfree_client.cli.calls import AnalyzeCall, DenoiseCall
from biasfree_client.cli.failure import Commands, UsageError, end_on_interrupt
from biasfree_client.cli.groups import grouped
from biasfree_client.cli.options import AnyFile, BitDepth, Files, Inputs, Json, Overwrite, Quiet, Service
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


@dataclass(frozen=True)
class DenoiseFiles(Files):
    """The same for denoising, which can also write to standard output."""

    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR|FILE|-",
            help="Folder for the results, created if needed; for a single image, also a file or - for standard output. "
            "By default NAME-denoised beside each image, or standard output for standard input.",
        ),
    ] = None


@dataclass(frozen=True)
class Run:
    """How a run over many images proceeds and reports."""

    watch: Annotated[
        bool,
        typer.Option("--watch", "-w", help="Keep running and denoise files that arrive in the folders, until Ctrl-C."),
    ] = False
    concurrency: Annotated[int, typer.Option("--concurrency", "-j", min=1, help="Images to process at a time.")] = 4
    quiet: Quiet = False
    json: Json = False


@app.command()
@grouped
def denoise(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="IN", help="Image files, folders, patterns such as 'photos/*.png', or - for standard input."
        ),
    ],
    files: DenoiseFiles,
    call: DenoiseCall,
    run: Run,
    service: Service,
) -> None:
    """Denoise images. Existing results that are newer than their images are skipped, so an interrupted run resumes.

    [bold]biasfree denoise photos/ -o out/[/bold]
    """
    from biasfree_client.cli.denoise import STREAM

    if STREAM in (*inputs, files.output):
        _denoise_single(inputs, files, call, run, service)
    else:
        _denoise_files(inputs, files, call, run, service)


def _denoise_single(inputs: Sequence[str], files: DenoiseFiles, call: DenoiseCall, run: Run, service: Service) -> None:
    from biasfree_client.cli.denoise import STREAM, denoise_stream

    many = len(inputs) > 1 or Path(inputs[0]).is_dir()
    if many or run.json or run.watch or files.dry_run or files.name:
        raise UsageError(
            "- is a single image; it excludes other inputs, folders, --json, --watch, --dry-run and --name"
        )
    with service.connect() as denoiser:
        denoise_stream(inputs[0], files.output or STREAM, denoiser, call.options, overwrite=files.overwrite)


def _denoise_files(inputs: Sequence[str], files: DenoiseFiles, call: DenoiseCall, run: Run, service: Service) -> None:
    from biasfree_client.cli import denoise as command
    from biasfree_client.cli.watch import watch_files

    if run.watch and files.dry_run:
        raise UsageError("--dry-run ends at once, and --watch never does; use one of them")
    selection = files.selection(inputs, beside=command.BESIDE)
    single = selection.single and not run.watch
    placement = command.place(files.output, call.options, single=single, name=files.template, existing=files.existing)
    with service.connect(patient=True) as denoiser:
        denoising = command.Denoising(denoiser, call.options, run.concurrency, files.dry_run, run.quiet)
        go = watch_files if run.watch else command.denoise_files
        succeeded = go(selection, placement, denoising, as_json=run.json)
    raise typer.Exit(0 if succeeded else 1)


@app.command()
@grouped
def analyze(
    image: Annotated[str, typer.Argument(metavar="IN", help="An image file, or - for standard input.")],
    call: AnalyzeCall,
    service: Service,
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="File for the drawing (.png) or the arrays (.npz); repeatable."
        ),
    ] = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Analyze the network at a patch: its Jacobian there, and the Jacobian's singular values.

    [bold]biasfree analyze noisy.png -o analysis.png -o analysis.npz[/bold]
    """
    from biasfree_client.cli import analyze as command

    options = call.options
    with service.connect() as denoiser:
        command.analyze(image, output or (), denoiser, options, overwrite=overwrite, as_json=json)


@app.command()
@grouped
def models(
    service: Service,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Model to show the card of.")] = None,
    json: Json = False,
) -> None:
    """List the available models, or show one model's card: origin and measured quality."""
    from biasfree_client.cli import models as command

    with service.connect() as denoiser:
        command.models(name, denoiser, as_json=json)


@app.command()
@grouped
def add_noise(
    inputs: Inputs,
    sigma: Annotated[float, typer.Option("--sigma", "-s", min=0, help="Standard deviation on the 0-255 scale.")],
    files: Files,
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
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Add reproducible Gaussian noise at the image's own depth. Does not need the service.

    The noise of image i, counted from 0, comes from numpy.random.default_rng((seed, round(100 sigma), i)), as in the
    evaluation of the models.
    """
    from biasfree_client._files import WRITTEN
    from biasfree_client.cli import noise as command

    allowed = [each.value for each in WRITTEN if not (float_ and each is Format.PNG)]
    if format not in (None, *allowed):
        raise UsageError(f"--format must be {' or '.join(allowed)}{' with --float' if float_ else ''}, not {format}")
    selection = files.selection(inputs, beside=command.BESIDE)
    noise = command.Noise(sigma, seed, bit_depth, float_)
    writing = command.Writing(files.output, files.template, format, files.existing, files.dry_run, quiet, json)
    succeeded = command.add_noise(selection, noise, writing)
    raise typer.Exit(0 if succeeded else 1)


@app.command()
def compare(clean: AnyFile, image: AnyFile, bit_depth: BitDepth = None, json: Json = False) -> None:
    """Compare an image with the clean one: PSNR in dB, and SSIM. Requires the extra `compare`, but not the service."""
    from biasfree_client.cli import compare as command

    command.compare(clean, image, bit_depth=bit_depth, as_json=json)


@app.command()
@grouped
def doctor(service: Service, json: Json = False) -> None:
    """Check the service: address, models, device, and a test image. Exits with status 1 if it is not healthy."""
    from biasfree_client.cli import doctor as command

    with replace(service, timeout=service.timeout or 30.0).connect() as denoiser:
        healthy = command.doctor(denoiser, service.url, as_json=json)
    raise typer.Exit(0 if healthy else 1)
