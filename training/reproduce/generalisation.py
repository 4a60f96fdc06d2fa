"""``reproduce generalisation``: noise that was never seen in training (the report's figure 2)."""

from collections.abc import Sequence
from pathlib import Path

import torch
from rich.console import Console

from biasfree.architectures import Network
from training.evaluate import evaluate, identity
from training.images import NamedImage, read_folder
from training.metrics import FloatImage
from training.recipe import read_recipe
from training.reproduce.generalisation_figure import draw
from training.reproduce.generalisation_findings import SIGMAS_255, Generalisation, Measured
from training.reproduce.twins import Twin, twins

RECIPES = ("small-dncnn", "small-resunet")


def reproduce_generalisation(
    *, images: Path, train_on: Path, output: Path, console: Console, recipes: Sequence[str] = RECIPES
) -> Generalisation:
    """Train four networks of each architecture, measure them, and write tables, numbers and the figure.

    Runs are kept in ``output/runs``: what was trained there is not trained again, and an interrupted run goes on.

    Args:
        images: Folder of clean photographs to measure on.
        train_on: Folder of photographs to train on.
        output: Folder to write to, made if it is not there.
        console: Where the tables are printed.
        recipes: Names or files, one for each architecture.

    Raises:
        ValueError: A folder has no photographs.
    """
    clean = read_folder(images, channels=1)
    networks = {}
    for recipe in map(read_recipe, recipes):
        group = [_measure(twin, clean, images=images, train_on=train_on, output=output) for twin in twins(recipe)]
        networks[recipe.architecture] = group
    found = Generalisation(images.resolve().name, evaluate(identity, clean, SIGMAS_255), networks)
    tables = found.sheets()
    (output / "generalisation.md").write_text("\n".join(each.markdown() for each in tables))
    (output / "generalisation.json").write_text(found.json())
    draw(found, output / "generalisation.png")
    for each in tables:
        console.print(each.table())
    return found


def _measure(twin: Twin, clean: Sequence[NamedImage], *, images: Path, train_on: Path, output: Path) -> Measured:
    network = twin.trained(output / "runs", images=train_on, validation=images)
    return Measured(twin, evaluate(lambda noisy: _denoise(network, noisy), clean, SIGMAS_255))


@torch.no_grad()
def _denoise(network: Network, noisy: FloatImage) -> FloatImage:
    """An image (H, W, C) through a network."""
    denoised = network(torch.from_numpy(noisy).permute(2, 0, 1)[None])[0]
    image: FloatImage = denoised.permute(1, 2, 0).numpy()
    return image
