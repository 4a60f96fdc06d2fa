"""Clipping of outliers inside a network."""

import numpy as np
import pytest
import torch

from biasfree.architectures.outliers import REACH, clip_outliers, limits

CELL = 8


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    """Standard normal float64 around 5."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 5


def starry(side: int = 96) -> torch.Tensor:
    """Noise with a hot pixel, a dead one, and a star over the corner of four cells, (1, 1, side, side)."""
    image = noise(1, 1, side, side)
    image[..., 20, 20], image[..., 70, 30] = 1e4, -1e4
    down, across = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    image += 1e3 * torch.exp(-((down - 47.5) ** 2 + (across - 63.5) ** 2) / 4)
    return image


def test_noise_is_left_as_it_is() -> None:
    """White noise, even in one part of an image of one value."""
    image = noise(2, 3, 64, 64)
    assert torch.equal(clip_outliers(image, cell=CELL), image)
    image[..., :24] = 0
    assert torch.equal(clip_outliers(image, cell=CELL), image)


def test_hot_pixels_dead_pixels_and_stars_are_clipped_to_the_noise_around_them() -> None:
    """Within ten deviations or so of the level, and nothing else changes."""
    image = starry()
    clipped = clip_outliers(image, cell=CELL)
    assert float((clipped - 5).abs().max()) < 12
    ordinary = (image - 5).abs() < 5
    assert torch.equal(clipped[ordinary], image[ordinary])


@pytest.mark.parametrize(("factor", "constant"), [(1e-3, 0.0), (70.0, 0.0), (1.0, -300.0), (0.5, 12.0)])
def test_clipping_commutes_with_gain_and_offset(factor: float, constant: float) -> None:
    """g(a y + c) = a g(y) + c for a > 0."""
    image = starry()
    expected = factor * clip_outliers(image, cell=CELL) + constant
    assert torch.allclose(clip_outliers(factor * image + constant, cell=CELL), expected, rtol=1e-12)


def test_limits_depend_on_the_cells_around_and_on_no_others() -> None:
    """Two cells to each side: as far as the receptive radius counts."""
    image = noise(1, 1, 12 * CELL, 12 * CELL)
    moved = image.clone()
    moved[..., 5 * CELL : 6 * CELL, 5 * CELL : 6 * CELL] += 100
    moved[..., 5 * CELL : 6 * CELL, 6 * CELL : 11 * CELL] += 100
    changed = (limits(moved, cell=CELL)[1] != limits(image, cell=CELL)[1])[0, 0].numpy()
    rows = np.flatnonzero(changed.any(axis=1))
    assert rows.min() == (5 - REACH) * CELL
    assert rows.max() == (6 + REACH) * CELL - 1


def test_a_bright_line_through_the_cells_is_no_outlier() -> None:
    """Five cells of 25 hold a part of it, a sixth sets the limit."""
    image = noise(1, 1, 80, 80)
    image[..., 36:44, :] += 50  # over the border of two rows of cells
    assert torch.equal(clip_outliers(image, cell=CELL), image)
