"""Estimates of ||A||_F^2, tr A and derived numbers, from products with random signs.

``||A||_F^2 = E ||A v||^2`` and ``tr A = E v . A v`` for v of independent random signs (Hutchinson 1990). The standard
errors come from the jackknife over the probes (Efron and Stein 1981).
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from biasfree.analysis.jacobian import Jacobian
from biasfree.analysis.report import Measured, WholeImage
from biasfree.architectures import Network
from biasfree.estimates import Estimate
from biasfree.intensity import power_of_two_scale
from biasfree.tiling import Span, TileGrid

#: Number of probes for a patch whose matrix is not computed.
PATCH_PROBES = 16
#: Side of the tiles of a whole image, in pixels: with a halo of 136 on each side they take 1.85 times the work.
TILE_SIDE = 1024
SEED = 0

Samples = npt.NDArray[np.float64]
Signs = npt.NDArray[np.int8]


def patch_measures(jacobian: Jacobian) -> dict[str, Measured]:
    """Estimate ``effective_dimensionality``, ``trace`` and ``asymmetry`` of A without computing A."""
    rows = []
    for index in range(PATCH_PROBES):
        signs = torch.from_numpy(_signs(tuple(jacobian.noisy.shape), index)).to(jacobian.noisy)
        forward, backward = jacobian.matvec(signs[None])[0], jacobian.rmatvec(signs[None])[0]
        rows.append([_dot(forward, forward), _dot(signs, forward), _dot(forward - backward, forward - backward)])
    samples = np.array(rows)
    return {
        "effective_dimensionality": jackknife(samples, lambda means: means[0]),
        "trace": jackknife(samples, lambda means: means[1]),
        "asymmetry": jackknife(samples, lambda means: math.sqrt(means[2] / means[0]) if means[0] > 0 else 0.0),
    }


def whole_image(
    network: Network,
    image: npt.NDArray[Any],
    *,
    probes: int,
    white: float,
    device: torch.device,
) -> WholeImage:
    """Estimate the numbers of an image of any size, tile by tile.

    Args:
        network: On ``device``.
        image: y (C, H, W) in the caller's intensities, any dtype.
        probes: Number of random vectors.
        white: Intensity that corresponds to 255, in the caller's units.
        device: Device of the network.
    """
    scale = power_of_two_scale(max(abs(float(image.min())), abs(float(image.max()))))
    samples, residual = np.zeros((probes, 2)), 0.0
    for tile in _tiles(network, image.shape[1], image.shape[2]):
        noisy = torch.from_numpy((tile.of(image) / scale).astype(np.float32)).to(device)
        jacobian = Jacobian(network, noisy)
        residual += squared_norm(tile.kept_of(noisy - jacobian.denoised))
        for index in range(probes):
            signs = torch.from_numpy(tile.of_signs(image.shape, index)).to(noisy)
            moved = tile.kept_of(jacobian.matvec(signs[None])[0])
            samples[index] += squared_norm(moved), _dot(tile.kept_of(signs), moved)

    def estimate(means: Samples) -> Estimate:
        return Estimate(image.size, math.sqrt(residual) * scale, float(means[1]))

    return WholeImage(
        probes=probes,
        effective_dimensionality=jackknife(samples, lambda means: means[0]),
        trace=jackknife(samples, lambda means: means[1]),
        sigma_255=jackknife(samples, lambda means: estimate(means).sigma_255(white=white)),
        psnr_db=_where_known(samples, lambda means: estimate(means).psnr_db(white=white)),
    )


def jackknife(samples: Samples, statistic: Callable[[Samples], float]) -> Measured:
    """Return a statistic of the means of samples (P, M) and, from two samples on, its standard error."""
    count = len(samples)
    value = float(statistic(samples.mean(axis=0)))
    if count < 2:
        return Measured(value)
    without = np.array([statistic(np.delete(samples, index, axis=0).mean(axis=0)) for index in range(count)])
    return Measured(value, float(np.sqrt((count - 1) * np.var(without))))


def _where_known(samples: Samples, statistic: Callable[[Samples], float | None]) -> Measured | None:
    """Apply ``jackknife`` to a statistic that may be undefined for some samples."""
    if statistic(samples.mean(axis=0)) is None:
        return None
    measured = jackknife(samples, lambda means: math.nan if (value := statistic(means)) is None else value)
    error = measured.standard_error
    return Measured(measured.value, None if error is None or math.isnan(error) else error)


@dataclass(frozen=True)
class _Tile:
    """A tile of an image; past the image's end it is mirrored, as the network does."""

    row: Span
    column: Span
    height: int
    width: int

    def of(self, image: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the tile's part of an image (C, H, W)."""
        return self._padded(image[:, self.row.read, self.column.read])

    def of_signs(self, shape: tuple[int, ...], index: int) -> Signs:
        """Return the tile's part of a random vector of the image's shape, without building the whole vector."""
        rows = range(self.row.start, min(self.row.stop, self.height))
        lines = [_signs((shape[0], self.width), index, row)[:, self.column.read] for row in rows]
        return self._padded(np.stack(lines, axis=1))

    def kept_of(self, values: torch.Tensor) -> torch.Tensor:
        """Cut values (C, P, Q) to the part inside the image that belongs to this tile only."""
        height, width = (
            min(span.keep_stop, side) - span.start
            for span, side in ((self.row, self.height), (self.column, self.width))
        )
        return values[:, self.row.inner.start : height, self.column.inner.start : width]

    def _padded(self, part: npt.NDArray[Any]) -> npt.NDArray[Any]:
        below, right = max(0, self.row.stop - self.height), max(0, self.column.stop - self.width)
        return np.pad(part, ((0, 0), (0, below), (0, right)), mode="symmetric")


def _tiles(network: Network, height: int, width: int) -> Iterator[_Tile]:
    grid = TileGrid.of(height, width, side=TILE_SIDE, radius=network.receptive_radius, stride=network.stride)
    return (_Tile(row, column, height, width) for row, column in product(grid.rows, grid.columns))


def _signs(shape: tuple[int, ...], *key: int) -> Signs:
    """Return random signs, always the same for the same key."""
    return 2 * np.random.default_rng([SEED, *key]).integers(0, 2, size=shape, dtype=np.int8) - 1


def squared_norm(values: torch.Tensor) -> float:
    """Return the sum of the squares, in float64."""
    return _dot(values, values)


def _dot(left: torch.Tensor, right: torch.Tensor) -> float:
    return float((left.double() * right.double()).sum())
