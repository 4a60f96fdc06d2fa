"""The division of an image into overlapping tiles of one shape, and its reassembly.

A tile has a halo of at least the network's receptive radius on every side that is not the image's own border, so its
kept part equals the result for the whole image. All tiles of one image have the same shape, so that they can share a
batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from biasfree.pixels import FloatArray


@dataclass(frozen=True)
class Span:
    """The extent of a tile along one axis: it reads [start, stop) and keeps [keep_start, keep_stop)."""

    start: int
    stop: int
    keep_start: int
    keep_stop: int

    @property
    def read(self) -> slice:
        """Return the range it reads, in the image's coordinates."""
        return slice(self.start, self.stop)

    @property
    def kept(self) -> slice:
        """Return the range it keeps, in the image's coordinates."""
        return slice(self.keep_start, self.keep_stop)

    @property
    def inner(self) -> slice:
        """Return the range it keeps, in the tile's own coordinates."""
        return slice(self.keep_start - self.start, self.keep_stop - self.start)


@dataclass(frozen=True)
class TileGrid:
    """The tiles of an image of H x W: every pair of a row span and a column span.

    Attributes:
        height: H, before padding.
        width: W, before padding.
        rows: Spans along H, padded to whole cells.
        columns: Spans along W, padded to whole cells.
    """

    height: int
    width: int
    rows: tuple[Span, ...]
    columns: tuple[Span, ...]

    @classmethod
    def of(cls, height: int, width: int, *, side: int, radius: int, stride: int) -> "TileGrid":
        """Lay tiles over an image.

        Args:
            height: H >= 1.
            width: W >= 1.
            side: Longest side of a tile, halos included; increased if the halos would leave no pixel to keep.
            radius: The network's receptive radius, pixels.
            stride: The network's stride; tiles begin and end on its multiples.
        """
        return cls(
            height,
            width,
            _spans(height, side=side, radius=radius, stride=stride),
            _spans(width, side=side, radius=radius, stride=stride),
        )

    @property
    def tile_shape(self) -> tuple[int, int]:
        """Return the height and width of every tile."""
        return self.rows[0].stop - self.rows[0].start, self.columns[0].stop - self.columns[0].start

    @property
    def padded_shape(self) -> tuple[int, int]:
        """Return the height and width of the image, rounded up to whole cells."""
        return self.rows[-1].stop, self.columns[-1].stop

    @property
    def tile_pixels(self) -> int:
        """Return the number of pixels of all tiles, halos included."""
        height, width = self.tile_shape
        return len(self) * height * width

    def __len__(self) -> int:
        return len(self.rows) * len(self.columns)


def split(image: FloatArray, grid: TileGrid) -> list[FloatArray]:
    """Cut an image into tiles.

    Args:
        image: (C, H, W), float32.
        grid: Geometry for this H and W.

    Returns:
        The tiles (C, P, Q), row by row: views of the image, or of a copy mirrored up to whole cells (as the network
        itself pads).

    Raises:
        ValueError: ``image`` does not have the size of ``grid``.
    """
    if image.shape[1:] != (grid.height, grid.width):
        raise ValueError(f"this grid is for an image of {grid.height} x {grid.width}, not {image.shape[1:]}")
    below, right = (padded - side for padded, side in zip(grid.padded_shape, image.shape[1:], strict=True))
    if below or right:
        image = np.pad(image, ((0, 0), (0, below), (0, right)), mode="symmetric")
    return [image[:, row.read, column.read] for row, column in product(grid.rows, grid.columns)]


def stitch(tiles: Sequence[FloatArray], grid: TileGrid) -> FloatArray:
    """Put denoised tiles back into one image, dropping their halos and the padding.

    Args:
        tiles: Denoised tiles (C, P, Q), float32, in the order of ``split``.
        grid: The geometry passed to ``split``.

    Returns:
        Image (C, H, W), float32, not clipped.

    Raises:
        ValueError: ``tiles`` and ``grid`` disagree on the number of tiles or their shape.
    """
    if len(tiles) != len(grid) or any(tile.shape[1:] != grid.tile_shape for tile in tiles):
        raise ValueError(
            f"this grid has {len(grid)} tiles of {grid.tile_shape}, not {len(tiles)} of {[t.shape[1:] for t in tiles]}"
        )
    if len(tiles) == 1:
        return tiles[0][:, : grid.height, : grid.width]
    image = np.empty((tiles[0].shape[0], grid.height, grid.width), np.float32)
    for tile, (row, column) in zip(tiles, product(grid.rows, grid.columns), strict=True):
        kept = image[:, row.kept, column.kept]
        # The last spans reach into the padding, which the image does not have.
        kept[...] = tile[:, row.inner, column.inner][:, : kept.shape[1], : kept.shape[2]]
    return image


def cut(image: FloatArray, grid: TileGrid, channels: int) -> list[FloatArray]:
    """Cut an image (C, H, W) into tiles for a network of ``channels`` channels.

    A network with one channel gets every channel as a separate image. For a network with several channels, an image
    with one channel is repeated.
    """
    if len(image) < channels:
        image = np.repeat(image, channels, axis=0)
    return [tile for plane in np.split(image, len(image) // channels) for tile in split(plane, grid)]


def join(tiles: Sequence[FloatArray], grid: TileGrid, channels: int) -> FloatArray:
    """Reassemble an image (C, H, W) of ``channels`` channels that was cut by ``cut``.

    If one channel was repeated, the result is the mean of the network's channels.
    """
    count = len(grid)
    planes = [stitch(tiles[first : first + count], grid) for first in range(0, len(tiles), count)]
    image = planes[0] if len(planes) == 1 else np.concatenate(planes)
    mean: FloatArray = image.mean(axis=0, keepdims=True) if len(image) > channels else image
    return mean


def _spans(length: int, *, side: int, radius: int, stride: int) -> tuple[Span, ...]:
    """Cover ``length`` with as few spans of at most ``side`` as possible, each as short as possible.

    At 4000 x 6000 with sides up to 2048 and a halo of 136, tiles of the maximum side would take 2.1 times the work of
    the whole image, with most of the last ones computed twice; these take 1.3 times.
    """
    padded = round_up(length, stride)
    halo = round_up(radius, stride)
    longest = max(side // stride * stride, 2 * halo + stride)
    if padded <= longest:
        return (Span(0, padded, 0, padded),)
    count = -(-(padded - 2 * halo) // (longest - 2 * halo))
    side = round_up(-(-(padded - 2 * halo) // count), stride) + 2 * halo
    starts = [*range(0, padded - side, side - 2 * halo), padded - side]
    borders = [0, *(start + halo for start in starts[1:]), padded]
    return tuple(
        Span(start, start + side, keep_start, keep_stop)
        for start, keep_start, keep_stop in zip(starts, borders[:-1], borders[1:], strict=True)
    )


def round_up(value: int, multiple: int) -> int:
    """Return the smallest multiple of ``multiple`` that is not below ``value``."""
    return -(-value // multiple) * multiple
