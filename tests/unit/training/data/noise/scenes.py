"""Small scenes for the tests of the noise model."""

import numpy as np
import torch

from tests.unit.training.fit.runs import photograph
from training.data.noise import Draw, Pair


def draw(seed: int = 0) -> Draw:
    """Return random numbers that are the same every time."""
    return Draw(torch.Generator().manual_seed(seed))


def scenes(count: int, *, channels: int = 3, side: int = 48) -> torch.Tensor:
    """Make smooth photographs (count, channels, side, side) in [0, 1]."""
    images = [photograph(side, side, seed=seed, channels=channels) for seed in range(count)]
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255


def flat(count: int, value: float, *, channels: int = 3, side: int = 64) -> torch.Tensor:
    """Make constant patches."""
    return torch.full((count, channels, side, side), value)


def noise_of(pair: Pair) -> torch.Tensor:
    """Return the noise that was added."""
    return pair.noisy - pair.clean


def neighbor_correlation(noise: torch.Tensor) -> float:
    """Return the mean correlation with the pixel to the right."""
    return float(((noise[..., 1:] * noise[..., :-1]).mean(dim=(-2, -1)) / noise.square().mean(dim=(-2, -1))).mean())
