"""Commands that measure models, and draw what they do."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from biasfree.options import EnsembleSize

Ensemble = Annotated[
    Literal["1", "2", "4", "8"],
    typer.Option(help="Number of orientations of each image over which a network's results are averaged."),
]
Model = Annotated[str, typer.Argument(help="A model file, or the name of a shipped model.")]
GrayFolder = Annotated[Path, typer.Option(help="Folder of clean images, read as gray.")]
ColorFolder = Annotated[Path, typer.Option(help="Folder of clean images, read as RGB.")]
Pairs = Annotated[list[Path] | None, typer.Option(help="Folder of real pairs, with noisy/ and clean/; repeatable.")]
SIZES: dict[str, EnsembleSize] = {"1": 1, "2": 2, "4": 4, "8": 8}


def evaluate(
    models: Annotated[
        list[str], typer.Argument(help="Model files, and names of shipped models and of classical denoisers.")
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


def readme(
    *,
    image: Annotated[Path, typer.Option(help="Clean gray photograph of the example over HTTP: Set12's 05.")],
    page: Annotated[Path, typer.Option(help="The page to rewrite.")] = Path("README.md"),
    quality: Annotated[Path, typer.Option(help="The page that `quality` wrote.")] = Path("docs/quality.md"),
) -> None:
    """Bring the measurements in README.md up to date with the shipped models and docs/quality.md."""
    from training.evaluate.readme import readme as write

    write(page, quality=quality, image=image)


def robustness(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            help="Model files, and names of shipped models and of classical denoisers; defaults to all that is shipped."
        ),
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


def ensembles(
    *,
    gray: GrayFolder,
    color: ColorFolder,
    pairs: Pairs = None,
) -> None:
    """Measure what the mean over several orientations of an image gains, for every shipped network."""
    from training.evaluate.robustness.ensembles import ensembles as measure

    typer.echo(measure(gray=gray, color=color, pairs=pairs or []))


def estimates(
    model: Model,
    *,
    images: Annotated[Path, typer.Option(help="Folder of clean images.")],
    sigmas: Annotated[str, typer.Option(help="Noise levels on the 0-255 scale.")] = "5,10,25,50,100",
    case: Annotated[list[str] | None, typer.Option(help="A case of `robustness`, such as 'two levels'.")] = None,
) -> None:
    """Compare the service's estimates of noise level and PSNR with the truth."""
    from rich.console import Console

    from training.evaluate.estimates import measure_estimates, table
    from training.evaluate.measure import read_sigmas

    Console().print(table(measure_estimates(model, images, read_sigmas(sigmas), case or [])))


def noise_statistics(
    *,
    pairs: Pairs = None,
    recipe: Annotated[str | None, typer.Option(help="Name of a recipe with a [noise] table, or a .toml file.")] = None,
    images: Annotated[Path | None, typer.Option(help="Folder of photographs for the recipe.")] = None,
) -> None:
    """Compare the noise of real pairs with that of a recipe: level, correlation, edges, color."""
    from training.fit.noise_statistics import noise_statistics as measure

    typer.echo(measure(pairs or [], recipe, images))


def illustrate(
    model: Model,
    *,
    image: Annotated[Path, typer.Option(help="A clean photograph.")],
    output: Annotated[Path, typer.Option(help="PNG file to write.")],
    sigma: Annotated[float, typer.Option(help="Noise standard deviation on the 0-255 scale.")] = 50,
) -> None:
    """Draw a photograph clean, with noise, and denoised."""
    from training.evaluate.figures import illustrate as draw

    draw(model, image, output, sigma_255=sigma)


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
