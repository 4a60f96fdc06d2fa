"""Tiles: the laws of split and stitch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biasfree.tiling import TileGrid, split, stitch

SIDES = st.integers(1, 300)


def image_of(height: int, width: int, channels: int = 1) -> np.ndarray:
    """An image whose every value is different."""
    return np.arange(channels * height * width, dtype=np.float32).reshape(channels, height, width)


@given(
    height=SIDES,
    width=SIDES,
    side=st.integers(8, 120),
    radius=st.integers(0, 20),
    stride=st.sampled_from([1, 2, 8]),
)
def test_stitching_what_was_split_gives_the_image_back(height, width, side, radius, stride):
    """stitch(split(x)) = x for every size, tile, radius and stride."""
    grid = TileGrid.of(height, width, side=side, radius=radius, stride=stride)
    image = image_of(height, width, channels=2)
    np.testing.assert_array_equal(stitch(split(image, grid), grid), image)


@given(
    height=SIDES,
    width=SIDES,
    side=st.integers(8, 120),
    radius=st.integers(0, 20),
    stride=st.sampled_from([1, 2, 8]),
)
def test_every_kept_pixel_has_its_whole_receptive_field_in_the_tile(height, width, side, radius, stride):
    """What is kept lies at least the radius inside the tile, except at the image's own border."""
    grid = TileGrid.of(height, width, side=side, radius=radius, stride=stride)
    for spans, length in ((grid.rows, grid.padded_shape[0]), (grid.columns, grid.padded_shape[1])):
        for span in spans:
            assert span.start == 0 or span.keep_start - span.start >= radius
            assert span.stop == length or span.stop - span.keep_stop >= radius
            assert span.start % stride == span.stop % stride == 0


def test_all_tiles_of_an_image_have_one_shape():
    """So that they batch with each other."""
    grid = TileGrid.of(1000, 777, side=256, radius=20, stride=8)
    assert {tile.shape for tile in split(image_of(1000, 777), grid)} == {(1, *grid.tile_shape)}


def test_tiles_are_no_larger_than_an_image_needs():
    """24 megapixels in tiles of at most 2048 cost less than a third more than the image alone."""
    grid = TileGrid.of(4000, 6000, side=2048, radius=129, stride=8)
    assert grid.tile_pixels < 1.31 * 4000 * 6000
    assert max(grid.tile_shape) <= 2048


def test_a_small_image_is_one_tile_and_is_not_copied():
    """The common case costs nothing."""
    image = image_of(64, 64)
    (tile,) = split(image, TileGrid.of(64, 64, side=256, radius=20, stride=8))
    assert np.shares_memory(tile, image)
    assert tile.shape == image.shape


def test_padding_mirrors_the_image():
    """A 1 x 3 image in cells of 4 is its last pixel again."""
    (tile,) = split(image_of(1, 3), TileGrid.of(1, 3, side=64, radius=4, stride=4))
    np.testing.assert_array_equal(tile[0], np.tile([0, 1, 2, 2], (4, 1)))


def test_tiles_that_do_not_fit_the_grid_are_refused():
    """The message says what the grid is for."""
    grid = TileGrid.of(8, 8, side=64, radius=0, stride=1)
    with pytest.raises(ValueError, match="has 1 tiles of"):
        stitch([], grid)
    with pytest.raises(ValueError, match="for an image of 8 x 8"):
        split(image_of(8, 9), grid)
