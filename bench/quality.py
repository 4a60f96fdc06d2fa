"""The loss of quality due to an engine's arithmetic."""

import numpy as np
import numpy.typing as npt
import skimage.data

from biasfree.card import Card
from biasfree.engines.engine import Engine

SIGMAS_255 = (1, 5, 10, 25, 50, 100)
#: Photographs by number of channels; squares of them are used.
PHOTOGRAPHS = {1: ("camera", "coins", "moon"), 3: ("astronaut", "coffee", "chelsea")}
SIDE = 256


def psnr_loss_db(reference: Engine, engine: Engine, card: Card) -> float:
    """Return the PSNR that ``engine`` loses against ``reference``: mean over photographs, at the worst noise level.

    Args:
        reference: The engine to compare with.
        engine: The engine in question, with the same models.
        card: Card of the model.
    """
    return max(loss_at_db(reference, engine, card, sigma) for sigma in SIGMAS_255)


def loss_at_db(reference: Engine, engine: Engine, card: Card, sigma_255: float) -> float:
    """Return the loss of PSNR at one noise level."""
    losses = []
    for seed, name in enumerate(PHOTOGRAPHS[card.channels]):
        clean = _photograph(name)
        noise = np.random.default_rng(seed).standard_normal(clean.shape, np.float32)
        noisy = (clean + np.float32(sigma_255 / 255) * noise)[None]
        expected, denoised = (each.run(card.name, noisy)[0] for each in (reference, engine))
        losses.append(_psnr_db(clean, expected) - _psnr_db(clean, denoised))
    return float(np.mean(losses))


def _photograph(name: str) -> npt.NDArray[np.float32]:
    """Return a photograph (C, SIDE, SIDE) in [0, 1]."""
    pixels = np.asarray(getattr(skimage.data, name)())[:SIDE, :SIDE]
    planes = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return np.ascontiguousarray(planes, np.float32) / np.float32(255)


def _psnr_db(clean: npt.NDArray[np.float32], denoised: npt.NDArray[np.float32]) -> float:
    return float(-10 * np.log10(np.mean((clean - denoised.clip(0, 1)) ** 2)))
