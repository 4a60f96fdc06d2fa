"""A limit on the influence of single pixels and stars on a network, without an additive constant.

A convolutional network of many scales spreads a small share of every pixel over a large area. A hot pixel at a hundred
times the signal then causes an error everywhere around it. Here an image is clipped to limits set by its surroundings:
order statistics of the extremes of cells, which a few cells with outliers do not change. All operations are piecewise
linear of degree 1 and commute with adding a constant.
"""

import torch
from torch.nn import functional as F
from torch.overrides import handle_torch_function, has_torch_function_unary

#: Number of cells on each side of a cell that set its limits.
REACH = 2
#: The limits are the sixth largest maximum and the sixth smallest minimum of 25 cells: an edge or a line through the
#: cells sets them, but a star on the corner of four cells does not.
_RANK = 6
#: Distance of the clipping levels from the limits, in units of the spread between them. At 1, photographs with noise of
#: sigma 25 are unchanged, and 2 in 10,000 pixels of clean ones are clipped (mean of Set12 and eight of Kodak's).
_MARGIN = 1.0


def clip_outliers(noisy: torch.Tensor, *, cell: int) -> torch.Tensor:
    """Clip each cell of an image to the range expected from the 5 x 5 cells around it.

    Args:
        noisy: (B, C, H, W), H and W multiples of ``cell``.
        cell: Side of a cell, pixels.

    Returns:
        The same shape; equal to ``noisy`` except where isolated pixels are clipped.
    """
    if has_torch_function_unary(noisy):  # the analysis treats this function as one step
        clipped: torch.Tensor = handle_torch_function(clip_outliers, (noisy,), noisy, cell=cell)
        return clipped
    floor, ceiling = limits(noisy, cell=cell)
    return torch.minimum(torch.maximum(noisy, floor), ceiling)


def limits(noisy: torch.Tensor, *, cell: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the lower and upper limit that ``clip_outliers`` clips to, each (B, C, H, W)."""
    high = _ranked(F.max_pool2d(noisy, cell))
    low = -_ranked(F.max_pool2d(-noisy, cell))
    margin = _MARGIN * (high - low)
    return _over_cells(low - margin, cell), _over_cells(high + margin, cell)


def _over_cells(levels: torch.Tensor, cell: int) -> torch.Tensor:
    """Repeat (B, C, H, W) over cells of pixels, without ``interpolate``, which adds float constants to the graph."""
    repeated = levels[..., :, None, :, None].expand(-1, -1, -1, cell, -1, cell)
    return repeated.flatten(4, 5).flatten(2, 3)


def _ranked(cells: torch.Tensor) -> torch.Tensor:
    """Replace each cell by the ``_RANK``-th largest of those around it, (B, C, H, W) in and out."""
    height, width = cells.shape[-2:]
    padded = F.pad(cells, (REACH,) * 4, mode="replicate")
    side = 2 * REACH + 1
    around = [padded[..., row : row + height, left : left + width] for row in range(side) for left in range(side)]
    return torch.stack(around).topk(_RANK, dim=0).values[-1]
