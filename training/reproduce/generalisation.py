"""Noise that was never seen in training (the report's figure 2, the paper's figures 2 and 3)."""

from collections.abc import Sequence

import torch

from biasfree.architectures import Network
from training.data.images import NamedImage, read_folder
from training.evaluate.metrics import FloatImage
from training.evaluate.scores import evaluate, identity
from training.fit.recipe import read_recipe
from training.reproduce.catalogue import Request
from training.reproduce.document import Page
from training.reproduce.generalisation_figure import draw
from training.reproduce.generalisation_findings import SIGMAS_255, Generalisation, Measured
from training.reproduce.twins import Twin, twins

#: One for each architecture.
RECIPES = ("small-dncnn", "small-resunet")


def page(request: Request) -> Page:
    """Train six networks of each architecture, and measure them.

    Raises:
        ValueError: A folder has no photographs, or there is none to train on.
    """
    found = measure(request, RECIPES)
    title = f"Noise beyond what was trained on, {found.images}"
    return Page("generalisation", title, found.sheets(), found.facts(), {"generalisation": draw(found)})


def measure(request: Request, recipes: Sequence[str]) -> Generalisation:
    """What the page shows, by recipes or files of them."""
    request.photographs_to_train_on()  # if they are missing, that is told at once
    clean = read_folder(request.images, channels=1)
    networks = {}
    for recipe in map(read_recipe, recipes):
        networks[recipe.architecture] = [_measure(twin, clean, request) for twin in twins(recipe)]
    return Generalisation(request.images.resolve().name, evaluate(identity, clean, SIGMAS_255), networks)


def _measure(twin: Twin, clean: Sequence[NamedImage], request: Request) -> Measured:
    network = twin.trained(request)
    return Measured(twin, evaluate(lambda noisy: _denoise(network, noisy), clean, SIGMAS_255))


@torch.no_grad()
def _denoise(network: Network, noisy: FloatImage) -> FloatImage:
    """An image (H, W, C) through a network."""
    denoised = network(torch.from_numpy(noisy).permute(2, 0, 1)[None])[0]
    image: FloatImage = denoised.permute(1, 2, 0).numpy()
    return image
