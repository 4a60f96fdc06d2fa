"""Statistics of the noise in real pairs and in a recipe's patches, to compare a noise model with cameras."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from training.data.images import read_folder, read_pairs
from training.data.noise.filters import blurred, low_pass, luma
from training.fit.recipe import read_recipe
from training.fit.run import pairs_of

#: What the columns of the table say. All but the level are ratios.
COLUMNS = (
    "level in flat places, 0-255",
    "correlation of neighbors",
    "beside edges / flat",
    "color / luminance",
    "color: 1 to 4 px / finer",
)
#: Side of the patches, pixels; patches with less noise than the level, or whose edges have less contrast, are left out.
_SIDE, _LEAST_LEVEL, _LEAST_SLOPE = 128, 0.5, 4.0
#: Shares of the pixels that count as flat and as edges, by the slope of the clean luminance.
_FLAT, _EDGES = 0.4, 0.15
_BATCH = 25


def statistics(noisy: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
    """Measure the noise of each patch.

    Args:
        noisy: Patches (B, 3, P, P) in units of [0, 1].
        clean: The same without noise.

    Returns:
        The values of ``COLUMNS`` (n, 5), of those patches that have noise and edges.
    """

    def smooth(images: torch.Tensor, sigma_px: float) -> torch.Tensor:
        return low_pass(images, torch.full((len(images), 1, 1, 1), sigma_px))

    noise = 255 * (noisy - clean)
    gray = luma(noise)
    color = noise - gray
    gray = gray - smooth(gray, 8)
    slope = _slope(255 * luma(clean))
    flat = slope <= slope.flatten(1).quantile(_FLAT, dim=1)[:, None, None, None]
    edges = slope > slope.flatten(1).quantile(1 - _EDGES, dim=1)[:, None, None, None]
    level = _rms(gray, flat)
    steep = (slope * edges).sum(dim=(1, 2, 3)) / edges.sum(dim=(1, 2, 3)).clamp(min=1)
    right = (gray[..., 1:] * gray[..., :-1]).mean(dim=(1, 2, 3))
    below = (gray[..., 1:, :] * gray[..., :-1, :]).mean(dim=(1, 2, 3))
    finer, coarser = color - smooth(color, 1), smooth(color, 1) - smooth(color, 4)
    everywhere = torch.ones_like(flat)
    found = torch.stack(
        [
            level,
            (right + below) / 2 / gray.square().mean(dim=(1, 2, 3)).clamp(min=1e-9),
            _rms(gray, edges) / level.clamp(min=1e-9),
            _rms(color, everywhere) / _rms(gray, everywhere).clamp(min=1e-9),
            _rms(coarser, everywhere) / _rms(finer, everywhere).clamp(min=1e-9),
        ],
        dim=1,
    )
    return found[(level > _LEAST_LEVEL) & (steep > _LEAST_SLOPE)]


def noise_statistics(
    pairs: Sequence[Path], recipe: str | None = None, images: Path | None = None, *, batches: int = 12
) -> str:
    """Write a Markdown table: a row per folder of real pairs, and one per part of a recipe's noise.

    Args:
        pairs: Folders with ``noisy`` and ``clean``, read as RGB.
        recipe: Name or file of a recipe with a ``[noise]`` table.
        images: Folder of photographs for the recipe.
        batches: Batches of 25 patches per part of the recipe.

    Raises:
        ValueError: There is nothing to measure, a folder has no images or only small ones, or the recipe has no noise
            or no images.
    """
    if not pairs and recipe is None:
        raise ValueError("there is nothing to measure: pass --pairs, or --recipe and --images")
    rows = [_row(folder.name, [statistics(*patches) for patches in _patches(folder)]) for folder in pairs]
    if recipe is not None:
        rows += _of_recipe(recipe, images, batches)
    head = ("noise", "patches", *COLUMNS)
    return "\n".join(["| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows)])


def _patches(folder: Path) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    pairs = [pair for pair in read_pairs(folder, channels=3) if min(pair[0].pixels.shape[:2]) >= _SIDE]
    if not pairs:
        raise ValueError(f"no pair in {folder} is as large as a patch of {_SIDE} x {_SIDE} pixels")
    for noisy, clean in pairs:
        yield _cut(noisy.unit), _cut(clean.unit)


def _cut(image: npt.NDArray[np.floating]) -> torch.Tensor:
    """Cut an image (H, W, 3) into patches (n, 3, P, P); what remains at the right and at the bottom is left out."""
    patches = torch.from_numpy(image).float().unfold(0, _SIDE, _SIDE).unfold(1, _SIDE, _SIDE)
    return patches.reshape(-1, 3, _SIDE, _SIDE)


def _of_recipe(name: str, images: Path | None, count: int) -> list[list[str]]:
    recipe = read_recipe(name)
    if recipe.noise is None or images is None or recipe.channels != 3:
        raise ValueError("the statistics of a recipe need a recipe for color with a [noise] table, and --images")
    photographs = read_folder(images, channels=3)
    rows = []
    for part in ("photons", "camera", "correlated"):
        alone = {
            each: getattr(recipe.noise, each).model_copy(update={"share": float(each == part)})
            for each in ("white", "photons", "camera", "correlated")
        }
        noise = recipe.noise.model_copy(update=alone)
        sampler = pairs_of(recipe.model_copy(update={"noise": noise, "patch": _SIDE, "batch": _BATCH}), photographs)
        batches = (sampler.batch(step) for step in range(count))
        rows.append(_row(f"{name}: {part}", [statistics(batch.noisy, batch.clean) for batch in batches]))
    return rows


def _row(name: str, found: Sequence[torch.Tensor]) -> list[str]:
    values = torch.cat(list(found))
    if len(values) == 0:
        return [name, "0", *[""] * len(COLUMNS)]
    quartiles = values.quantile(torch.tensor([0.25, 0.5, 0.75]), dim=0).T
    return [name, str(len(values)), *(" / ".join(f"{value:.2f}" for value in each) for each in quartiles)]


def _slope(gray: torch.Tensor) -> torch.Tensor:
    """Return the steepness of (B, 1, P, P), gray levels per pixel, smoothed."""
    one = torch.full((len(gray), 1, 1, 1), 1.0)
    soft = blurred(gray, one)
    down = torch.gradient(soft, dim=-2)[0]
    across = torch.gradient(soft, dim=-1)[0]
    return blurred(torch.hypot(down, across), 1.5 * one)


def _rms(values: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
    """Return the root mean square per pixel of (B, C, P, P) over the pixels of a mask (B, 1, P, P)."""
    energy = values.square().sum(dim=1, keepdim=True)
    return ((energy * where).sum(dim=(1, 2, 3)) / where.sum(dim=(1, 2, 3)).clamp(min=1)).sqrt()
