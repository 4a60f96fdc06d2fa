"""Noise of uneven strength: factors of the standard deviation over a patch.

It models vignetting and shading (gradients), stitched or merged exposures (halves), local denoising (blobs), and
rendered or masked areas (rectangles without noise). A network that only sees noise of one strength judges the whole
image by its quietest place.
"""

import math

import torch
from torch.nn import functional as F

from training.data.noise.draw import Draw


def strength(count: int, side: int, draw: Draw) -> torch.Tensor:
    """Draw factors (count, 1, side, side) in [0, 1], each with a half-plane, a gradient, blobs or a quiet rectangle."""
    kinds = torch.stack([_half(count, side, draw), _gradient(count, side, draw), _blobs(count, side, draw)])
    kinds = torch.cat([kinds, 1 - rectangle(count, side, draw)[None].float()])
    drawn = kinds[draw.choice(count, len(kinds)), torch.arange(count, device=draw.device)]
    # In two of three patches the quiet part has some noise.
    quiet = draw.uniform(count) * ~draw.chance(count, 1 / 3)
    return quiet + (1 - quiet) * drawn


def rectangle(count: int, side: int, draw: Draw) -> torch.Tensor:
    """Draw masks (count, 1, side, side) of rectangles of any size, many of which reach over the border."""
    inside = torch.ones(count, 1, side, side, dtype=torch.bool, device=draw.device)
    for axis in (2, 3):
        place = torch.arange(side, device=draw.device).view([-1 if each == axis else 1 for each in range(4)])
        middle, half = draw.uniform(count, 0, side), draw.uniform(count, side / 16, side / 2)
        # One in three spans the whole axis: a bar, as in a letterbox.
        inside &= ((place - middle).abs() < half) | draw.chance(count, 1 / 3)
    return inside


def _axes(side: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    line = torch.linspace(-1, 1, side, device=device)
    return line[:, None], line[None, :]


def _ramp(count: int, side: int, draw: Draw) -> torch.Tensor:
    down, across = _axes(side, draw.device)
    angle = draw.uniform(count, 0, 2 * math.pi)
    return angle.cos() * down + angle.sin() * across


def _half(count: int, side: int, draw: Draw) -> torch.Tensor:
    return (_ramp(count, side, draw) > draw.uniform(count, -0.7, 0.7)).float()


def _gradient(count: int, side: int, draw: Draw) -> torch.Tensor:
    return (0.5 + 0.5 * _ramp(count, side, draw)).clamp(0, 1)


def _blobs(count: int, side: int, draw: Draw) -> torch.Tensor:
    coarse = draw.normal(count, 1, 5, 5)
    smooth = F.interpolate(coarse, size=(side, side), mode="bicubic", align_corners=True)
    return torch.sigmoid(draw.uniform(count, 1, 12) * smooth)
