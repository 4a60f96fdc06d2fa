"""Bayer mosaics, and two linear ways back: bilinear, and corrected by the gradients of the channel that is there.

Source: Malvar, He and Cutler, "High-quality linear interpolation for demosaicing of Bayer-patterned color images",
ICASSP 2004.
"""

import torch
from torch.nn import functional as F

#: The channel of the four places of a cell: RG / GB.
_BAYER = ((0, 1), (1, 2))

# Eighths. At red and blue places: green, and the opposite color; at green places: the color of the row, of the column.
_BILINEAR = (
    [[0, 0, 0, 0, 0], [0, 0, 2, 0, 0], [0, 2, 0, 2, 0], [0, 0, 2, 0, 0], [0, 0, 0, 0, 0]],
    [[0, 0, 0, 0, 0], [0, 2, 0, 2, 0], [0, 0, 0, 0, 0], [0, 2, 0, 2, 0], [0, 0, 0, 0, 0]],
    [[0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 4, 0, 4, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]],
    [[0, 0, 0, 0, 0], [0, 0, 4, 0, 0], [0, 0, 0, 0, 0], [0, 0, 4, 0, 0], [0, 0, 0, 0, 0]],
)
_MALVAR = (
    [[0, 0, -1, 0, 0], [0, 0, 2, 0, 0], [-1, 2, 4, 2, -1], [0, 0, 2, 0, 0], [0, 0, -1, 0, 0]],
    [[0, 0, -1.5, 0, 0], [0, 2, 0, 2, 0], [-1.5, 0, 6, 0, -1.5], [0, 2, 0, 2, 0], [0, 0, -1.5, 0, 0]],
    [[0, 0, 0.5, 0, 0], [0, -1, 0, -1, 0], [-1, 4, 5, 4, -1], [0, -1, 0, -1, 0], [0, 0, 0.5, 0, 0]],
    [[0, 0, -1, 0, 0], [0, -1, 4, -1, 0], [0.5, 0, 5, 0, 0.5], [0, -1, 4, -1, 0], [0, 0, -1, 0, 0]],
)
_GREEN, _OPPOSITE, _IN_ROW, _IN_COLUMN = range(4)


def places(side: int, phase: torch.Tensor) -> torch.Tensor:
    """Tell which place of the Bayer cell each pixel has, 0 to 3 in reading order: (B, 1, side, side).

    Args:
        side: Side of the patch, pixels.
        phase: (B, 2) row and column, 0 or 1, of the cell that the patch begins with.
    """
    axis = torch.arange(side, device=phase.device)
    rows = (axis[None, :, None] + phase[:, 0, None, None]) % 2
    columns = (axis[None, None, :] + phase[:, 1, None, None]) % 2
    return (2 * rows + columns)[:, None]


def mosaic(images: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
    """Keep one channel of (B, 3, H, W) for each pixel: (B, 1, H, W)."""
    channel = torch.tensor(_BAYER, device=images.device).flatten()[place]
    return images.gather(1, channel)


def demosaiced(raw: torch.Tensor, place: torch.Tensor, corrected: torch.Tensor) -> torch.Tensor:
    """Interpolate (B, 1, H, W) to (B, 3, H, W), by Malvar's filters where ``corrected`` (B, 1, 1, 1), else bilinear."""
    banks = torch.tensor([_BILINEAR, _MALVAR], dtype=raw.dtype, device=raw.device).flatten(0, 1)[:, None] / 8
    both = F.conv2d(F.pad(raw, (2,) * 4, mode="reflect"), banks)
    found = torch.where(corrected, both[:, 4:], both[:, :4])
    green, opposite, in_row, in_column = (found[:, [each]] for each in (_GREEN, _OPPOSITE, _IN_ROW, _IN_COLUMN))
    first, second, third, last = (place == each for each in range(4))
    red = torch.where(first, raw, torch.where(second, in_row, torch.where(third, in_column, opposite)))
    blue = torch.where(last, raw, torch.where(third, in_row, torch.where(second, in_column, opposite)))
    return torch.cat([red, torch.where(first | last, green, raw), blue], dim=1)
