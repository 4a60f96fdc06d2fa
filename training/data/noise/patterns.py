"""What clean scenes lack: regular patterns (meshes, fabrics, gratings) and faint texture (plush, plaster, skin).

Both are rare in reduced photographs, and a network that has never seen them removes them as noise: it turned the mesh
of a chair into a gray area, and plush into plastic.
"""

import math

import torch

from training.data.noise.draw import Draw
from training.data.noise.filters import blurred, luma
from training.data.noise.uneven import rectangle


def patterned(clean: torch.Tensor, draw: Draw) -> torch.Tensor:
    """Lay a pattern of two waves (dots, checks or lines) over a part of each patch (B, C, P, P) in [0, 1]."""
    count, channels, side, _ = clean.shape
    angle, period = draw.uniform(count, 0, math.pi), draw.log_uniform(count, 2.2, 14)
    first = _wave(count, side, draw, angle, period)
    second = _wave(count, side, draw, angle + math.pi / 2 + draw.uniform(count, -0.4, 0.4), period)
    crossed = torch.where(draw.chance(count, 0.5), first * second, torch.minimum(first, second))
    wave = torch.where(draw.chance(count, 0.3), first, crossed)
    # The shape ranges from a sine to hard edges.
    shaped = torch.tanh(draw.log_uniform(count, 0.3, 10) * wave)
    shaped = shaped / shaped.abs().amax(dim=(1, 2, 3), keepdim=True).clamp(min=1e-3)
    depth = draw.uniform(count, 0.05, 0.5)
    tint = draw.uniform(count * channels, 0.6, 1).view(count, channels, 1, 1)
    changed = (clean + depth * tint * shaped).clamp(0, 1)
    return torch.where(rectangle(count, side, draw), changed, clean)


def textured(clean: torch.Tensor, source: torch.Tensor, draw: Draw) -> torch.Tensor:
    """Shade patches (B, C, P, P) in [0, 1] with the fine detail of other photographs, at a lower contrast.

    Args:
        clean: Scenes, for example enlarged ones, which have no detail of their own.
        source: As many other photographs, sharp.
        draw: Random numbers.
    """
    count = len(clean)
    gray = luma(source)
    ground = blurred(gray, draw.uniform(count, 0.8, 3), reach=6)
    relative = ((gray - ground) / (ground + 0.05)).clamp(-0.5, 0.5)
    return (clean * (1 + draw.uniform(count) * relative)).clamp(0, 1)


def _wave(count: int, side: int, draw: Draw, angle: torch.Tensor, period: torch.Tensor) -> torch.Tensor:
    axis = torch.arange(side, device=draw.device, dtype=torch.float32)
    along = angle.cos() * axis[:, None] + angle.sin() * axis
    return torch.sin(2 * math.pi * along / period + draw.uniform(count, 0, 2 * math.pi))
