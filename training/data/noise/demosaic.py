"""Bayer mosaics and three demosaicing methods: bilinear, with a gradient correction, and along edges.

Sources: Malvar, He and Cutler, "High-quality linear interpolation for demosaicing of Bayer-patterned color images",
ICASSP 2004; Hamilton and Adams, "Adaptive color plan interpolation in single sensor color electronic camera", US patent
5,629,734, 1997 (expired).
"""

import torch
from torch.nn import functional as F

#: Channel at each of the four places of a cell: RG / GB.
_BAYER = ((0, 1), (1, 2))

# Weights in eighths. At red and blue places: for green, and for the opposite color. At green places: for the color of
# the row, and for that of the column.
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
    """Return each pixel's place in the Bayer cell, 0 to 3 in reading order: (B, 1, side, side).

    Args:
        side: Side of the patch, pixels.
        phase: Row and column in the cell, 0 or 1, of each patch's first pixel (B, 2).
    """
    axis = torch.arange(side, device=phase.device)
    rows = (axis[None, :, None] + phase[:, 0, None, None]) % 2
    columns = (axis[None, None, :] + phase[:, 1, None, None]) % 2
    return (2 * rows + columns)[:, None]


def mosaic(images: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
    """Keep one channel per pixel of (B, 3, H, W): (B, 1, H, W)."""
    channel = torch.tensor(_BAYER, device=images.device).flatten()[place]
    return images.gather(1, channel)


def demosaiced(raw: torch.Tensor, place: torch.Tensor, corrected: torch.Tensor) -> torch.Tensor:
    """Interpolate (B, 1, H, W) to (B, 3, H, W): Malvar's filters if ``corrected`` (B, 1, 1, 1), else bilinear."""
    banks = torch.tensor([_BILINEAR, _MALVAR], dtype=raw.dtype, device=raw.device).flatten(0, 1)[:, None] / 8
    both = F.conv2d(F.pad(raw, (2,) * 4, mode="reflect"), banks)
    found = torch.where(corrected, both[:, 4:], both[:, :4])
    green, opposite, in_row, in_column = (found[:, [each]] for each in (_GREEN, _OPPOSITE, _IN_ROW, _IN_COLUMN))
    first, second, third, last = (place == each for each in range(4))
    red = torch.where(first, raw, torch.where(second, in_row, torch.where(third, in_column, opposite)))
    blue = torch.where(last, raw, torch.where(third, in_row, torch.where(second, in_column, opposite)))
    return torch.cat([red, torch.where(first | last, green, raw), blue], dim=1)


def demosaiced_along_edges(raw: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
    """Interpolate (B, 1, H, W) to (B, 3, H, W): green along the direction that changes less, then color differences.

    Noise decides the direction where the picture does not, so that it is stronger and has a structure beside edges.
    """
    padded = F.pad(raw, (2,) * 4, mode="reflect")
    across, across_change = _along(padded[..., 2:-2, :])
    down, down_change = _along(padded[..., 2:-2].mT)
    down, down_change = down.mT, down_change.mT
    green = torch.where(across_change < down_change, across, down)
    green = torch.where(across_change == down_change, (across + down) / 2, green)
    first, last = place == 0, place == 3
    green = torch.where(first | last, green, raw)
    # A bilinear interpolation of what each color has beyond green, from its own places.
    tent = torch.tensor([[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]], device=raw.device)[None, None] / 4

    def completed(own: torch.Tensor) -> torch.Tensor:
        beyond = F.pad(torch.where(own, raw - green, 0.0), (1,) * 4, mode="reflect")
        return green + F.conv2d(beyond, tent)

    return torch.cat([completed(first), green, completed(last)], dim=1)


def _along(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Interpolate in rows (B, 1, H, W + 4); return values and the strength of change, (B, 1, H, W) each."""
    before, left, here, right, after = (rows[..., shift : rows.shape[-1] - 4 + shift] for shift in range(5))
    curvature = 2 * here - before - after
    return (left + right) / 2 + curvature / 4, (left - right).abs() + curvature.abs()
