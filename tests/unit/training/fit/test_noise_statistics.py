"""Statistics of noise, on noise whose statistics are known."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.unit.training.fit.runs import photograph, write_photographs
from training.data.noise.filters import correlated
from training.fit.noise_statistics import COLUMNS, noise_statistics, statistics

SIDE = 128


def scenes(count: int) -> torch.Tensor:
    """Make scenes with edges of both directions (count, 3, SIDE, SIDE)."""
    gray = torch.full((count, 1, SIDE, SIDE), 0.3)
    gray[..., 40:60, :] = 0.7
    gray[..., 80:] = 0.6
    return gray.expand(-1, 3, -1, -1)


def noise(count: int, sigma_px: float = 0.0, channels: int = 3) -> torch.Tensor:
    """Make noise of standard deviation 1 that is as wide as given."""
    white = torch.randn(count, channels, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    return correlated(white, torch.full((count, 1, 1, 1), sigma_px)).expand(-1, 3, -1, -1)


def measured(added: torch.Tensor) -> dict[str, float]:
    """Return the median of each column for noise on the 0-255 scale."""
    clean = scenes(len(added))
    found = statistics(clean + added / 255, clean)
    assert len(found) == len(added)
    return dict(zip(COLUMNS, found.median(dim=0).values.tolist(), strict=True))


def test_white_noise_is_uncorrelated_and_as_strong_beside_edges() -> None:
    """Independent channels have luminance noise of 0.67 of their level, and the energy that remains is color."""
    level, neighbors, edges, color, _ = measured(5 * noise(8)).values()
    assert level == pytest.approx(5 * 0.669, rel=0.05)
    assert neighbors == pytest.approx(0, abs=0.02)
    assert edges == pytest.approx(1, abs=0.05)
    assert color == pytest.approx(np.sqrt(1 + 3 * 0.669**2) / 0.669, rel=0.05)


def test_gray_noise_has_no_color_and_wide_noise_is_correlated() -> None:
    """A Gaussian of one pixel correlates neighbors by exp(-1/4)."""
    found = measured(5 * noise(8, 1.0, channels=1))
    assert found["color / luminance"] == pytest.approx(0, abs=1e-3)
    assert found["correlation of neighbors"] == pytest.approx(np.exp(-0.25), abs=0.03)


def test_coarse_color_is_told_from_fine_color() -> None:
    """The ratio of the bands grows with the width of the noise."""
    fine, coarse = (measured(5 * noise(8, width))["color: 1 to 4 px / finer"] for width in (0.0, 2.0))
    assert fine < 0.5
    assert coarse > 2


def test_noise_beside_edges_is_measured_there() -> None:
    """Three times the noise within four pixels of an edge."""
    factor = torch.ones(SIDE, SIDE)
    for edge in (40, 60):
        factor[edge - 4 : edge + 4] = 3
    factor[:, 76:84] = 3
    assert measured(2 * noise(8) * factor)["beside edges / flat"] == pytest.approx(3, rel=0.2)


def test_patches_without_noise_or_without_edges_are_left_out() -> None:
    """Their ratios would say nothing."""
    clean = scenes(2)
    assert len(statistics(clean, clean)) == 0
    flat = torch.full_like(clean, 0.5)
    assert len(statistics(flat + 5 / 255 * noise(2), flat)) == 0


def test_the_table_has_a_row_for_each_folder_and_each_part_of_a_recipe(tmp_path: Path) -> None:
    """Quartiles of every column; a folder without edges has no values."""
    pairs, photographs = tmp_path / "camera", tmp_path / "photographs"
    for kind, scale in (("noisy", 5.0), ("clean", 0.0)):
        (pairs / kind).mkdir(parents=True)
        pixels = 255 * scenes(1) + scale * noise(1)
        Image.fromarray(pixels[0].permute(1, 2, 0).round().byte().numpy()).save(pairs / kind / "a.png")
    photographs.mkdir()
    Image.fromarray(photograph(140, 140, seed=0, channels=3)).save(photographs / "a.png")
    head, _, *rows = noise_statistics([pairs], "color-real", photographs, batches=1).splitlines()
    assert head.count("|") == len(COLUMNS) + 3
    names = [row.strip("| ").split(" | ")[0] for row in rows]
    assert names == ["camera", *(f"color-real: {part}" for part in ("photons", "camera", "correlated"))]
    assert float(rows[0].split(" | ")[2].split(" / ")[1]) == pytest.approx(5 * 0.669, rel=0.1)


def test_a_recipe_without_noise_or_photographs_is_refused(tmp_path: Path) -> None:
    """The message says what is missing."""
    for recipe, images in (("color", write_photographs(tmp_path, 1)), ("color-real", None)):
        with pytest.raises(ValueError, match=r"need a recipe for color with a \[noise\] table, and --images"):
            noise_statistics([], recipe, images)


def test_nothing_to_measure_is_refused(tmp_path: Path) -> None:
    """Neither arguments, nor a pair as large as a patch, nor pairs of equal size."""
    with pytest.raises(ValueError, match="nothing to measure: pass --pairs, or --recipe and --images"):
        noise_statistics([])
    for kind in ("noisy", "clean"):
        write_photographs(tmp_path / kind, 1)
    with pytest.raises(ValueError, match=r"no pair in .* is as large as a patch of 128 x 128 pixels"):
        noise_statistics([tmp_path])
    write_photographs(tmp_path / "clean", 1, side=30)
    with pytest.raises(ValueError, match=r"same size, but 0\.png"):
        noise_statistics([tmp_path])
