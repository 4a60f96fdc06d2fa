"""Drawn scenes: text, codes of square modules, ruled paper, pixel art.

Photographs have no edges as sharp, and few as regular. A network that has never seen them takes them for noise: it made
clean text of 11 pixels unreadable (16 dB), and spread gray over the modules of a QR code (12 dB).
"""

import math
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from training.data.noise.draw import Draw
from training.data.noise.filters import blurred

#: Fonts that matplotlib brings along.
_FONTS = (
    "DejaVuSans.ttf",
    "DejaVuSans-Bold.ttf",
    "DejaVuSansMono.ttf",
    "DejaVuSerif.ttf",
    "DejaVuSerif-Italic.ttf",
    "STIXGeneral.ttf",
    "STIXGeneralBol.ttf",
    "cmss10.ttf",
)
_CHARACTERS = "eeeettaaooiinnsshhrrddllcumwfgypbvkjxqzETAOINSHRDLCUMWFGYPBVKJXQZ00112233445566789.,:;-()/%+=@#&"
_SHEET_PX, _LEAST_PX, _LARGEST_PX = 768, 8, 26


def drawn(clean: torch.Tensor, draw: Draw) -> torch.Tensor:
    """Draw with one color over patches (B, C, P, P) in [0, 1], or over paper of another color.

    Raises:
        ValueError: The patches are as large as the sheets of text.
    """
    count, channels, side, _ = clean.shape
    if side >= _SHEET_PX:
        raise ValueError(f"patches of {side} pixels: drawn scenes have less than {_SHEET_PX}")
    other = torch.where(draw.chance(count, 0.5), _modules(count, side, draw), _ruled(count, side, draw))
    ink = torch.where(draw.chance(count, 0.6), _text(count, side, draw), other)
    # Scanned or reduced drawings are soft.
    ink = torch.where(draw.chance(count, 0.3), blurred(ink, draw.uniform(count, 0.3, 0.9)), ink)
    colors = torch.rand(2 * count, channels, 1, 1, generator=draw.generator, device=draw.device)
    black, white = torch.zeros_like(colors[:count]), torch.ones_like(colors[:count])
    plain, inverted = draw.chance(count, 0.5), draw.chance(count, 0.3)
    color = torch.where(plain, torch.where(inverted, white, black), colors[:count])
    paper = torch.where(plain, torch.where(inverted, black, white), colors[count:])
    ground = torch.where(draw.chance(count, 0.2), clean, paper)
    return torch.where(draw.chance(count, 0.2), _pixel_art(clean, draw), ground + ink * (color - ground))


def _text(count: int, side: int, draw: Draw) -> torch.Tensor:
    """Cut crops of the sheets, a quarter of them turned by 90 degrees."""
    sheets = _sheets().to(draw.device)
    which = draw.choice(count, len(sheets))
    top, left = draw.choice(count, _SHEET_PX - side), draw.choice(count, _SHEET_PX - side)
    along = torch.arange(side, device=draw.device)
    rows, columns = top[:, None, None] + along[:, None], left[:, None, None] + along
    ink = sheets[which[:, None, None], rows, columns].float()[:, None] / 255
    return torch.where(draw.chance(count, 0.25), ink.transpose(2, 3), ink)


def _modules(count: int, side: int, draw: Draw) -> torch.Tensor:
    """Fill square modules of 2 to 9 pixels at random, as in a QR code."""
    size = draw.log_uniform(count, 2, 10).floor()
    cells = (draw.uniform(count * side * side) < 0.5).float().view(count, 1, side, side)
    return _enlarged(cells, size)


def _ruled(count: int, side: int, draw: Draw) -> torch.Tensor:
    """Draw parallel lines or a grid of them, straight or at any angle."""
    place = torch.arange(side, device=draw.device)
    angle = draw.uniform(count, 0, math.pi) * draw.chance(count, 0.5)
    ink = torch.zeros(count, 1, side, side, device=draw.device)
    grid = draw.chance(count, 0.6)
    for turn in (0.0, math.pi / 2):
        along = (angle + turn).cos() * place[:, None] + (angle + turn).sin() * place
        period, width = draw.log_uniform(count, 3, 40), draw.log_uniform(count, 0.8, 4)
        within = (along + draw.uniform(count, 0, 40)).remainder(period)
        # Straight lines keep hard edges; lines at an angle are smoothed over a pixel.
        line = (width - within).clamp(0, 1) * (turn == 0 or grid)
        ink = torch.maximum(ink, torch.where(angle == 0, line.round(), line))
    return ink


def _pixel_art(clean: torch.Tensor, draw: Draw) -> torch.Tensor:
    """Enlarge a part of each scene by a whole number of pixels, with few levels."""
    count = len(clean)
    levels = draw.uniform(count, 2, 9).floor()
    return (_enlarged(clean, draw.log_uniform(count, 2, 9).floor()) * levels).round() / levels


def _enlarged(images: torch.Tensor, size: torch.Tensor) -> torch.Tensor:
    """Repeat each pixel of (B, C, P, P) in squares of ``size`` (B, 1, 1, 1), and cut the result to P x P."""
    side = images.shape[-1]
    source = torch.arange(side, device=images.device) // size.view(-1, 1).long()
    return torch.stack([each[:, rows][:, :, rows] for each, rows in zip(images, source, strict=True)])


@cache
def _sheets() -> torch.Tensor:
    """Write sheets of random words, one per font, smooth and as bare bits (sheets, SHEET_PX, SHEET_PX) uint8."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    random = np.random.default_rng(0)
    sheets = []
    for index, font in enumerate(_FONTS):
        sheet = Image.new("L", (_SHEET_PX, _SHEET_PX))
        pen = ImageDraw.Draw(sheet)
        pen.fontmode = "1" if index % 3 == 2 else "L"
        top = 0
        while top < _SHEET_PX:
            size = int(random.integers(_LEAST_PX, _LARGEST_PX + 1))
            lengths = random.integers(1, 10, _SHEET_PX // size)
            line = " ".join("".join(random.choice(list(_CHARACTERS), length)) for length in lengths)
            pen.text((0, top), line, fill=255, font=ImageFont.truetype(folder / font, size))
            top += round(size * random.uniform(1.1, 1.6))
        sheets.append(np.asarray(sheet))
    return torch.from_numpy(np.stack(sheets))
