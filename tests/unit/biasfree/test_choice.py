"""The choice between a network for white noise and one for any noise."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage

from biasfree.choice import is_correlated, is_white

FloatArray = npt.NDArray[np.float32]


def noise(channels: int = 3, height: int = 130, width: int = 200, *, seed: int = 0) -> FloatArray:
    """White noise (C, H, W); its sides are no multiples of the blocks."""
    return 0.1 * np.random.default_rng(seed).standard_normal((channels, height, width), dtype=np.float32)


CLEAN = np.float32(0.5)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [1, 20, 700], ids="{} pixels".format)
def test_white_noise_that_both_remove_is_for_the_network_for_white_noise(channels: int, side: int) -> None:
    """Of one pixel, of less than a block, and of more than a band of rows."""
    added = noise(channels, side, side)
    noisy = CLEAN + added
    if side > 1:
        assert not is_correlated(noisy, noisy - added)
    assert is_white(noisy, noisy - added, noisy - 0.95 * added)


def test_noise_that_the_network_for_white_noise_leaves_is_for_the_other() -> None:
    """As the noise of cameras, JPEG or enlargement, which it takes for the picture."""
    added = noise()
    assert not is_white(CLEAN + added, np.full_like(added, CLEAN), CLEAN + 0.5 * added)


def test_noise_that_is_left_in_one_part_is_for_the_other() -> None:
    """As beside a clean area, or where two levels meet."""
    added = noise()
    left = added.copy()
    left[..., 100:] = 0
    assert not is_white(CLEAN + added, np.full_like(added, CLEAN), CLEAN + left)


def test_an_image_with_an_area_of_one_value_is_for_the_other() -> None:
    """Neither removes anything there."""
    added = noise()
    added[..., :64] = 0
    assert not is_white(CLEAN + added, np.full_like(added, CLEAN), np.full_like(added, CLEAN))


def test_a_network_that_changes_a_clean_area_is_not_chosen() -> None:
    """As beside a border without noise, where the other network changes next to nothing."""
    added = noise()
    added[..., :64] *= 1e-3
    changed = added.copy()
    changed[..., :64] *= 50
    assert not is_white(CLEAN + added, np.full_like(added, CLEAN), CLEAN + added - changed)
    changed[..., :64] /= 10
    assert is_white(CLEAN + added, np.full_like(added, CLEAN), CLEAN + added - changed)


def test_an_error_that_spreads_from_an_outlier_is_for_the_other() -> None:
    """The network for white noise then changes the image by more than there is noise."""
    added = noise()
    assert not is_white(CLEAN + added, np.full_like(added, CLEAN), CLEAN + 5 * added)


@pytest.mark.parametrize("axes", [(0, 1, 0), (0, 0, 1)], ids=["down", "across"])
def test_noise_that_is_correlated_with_its_neighbors_is_found(axes: tuple[int, int, int]) -> None:
    """Along one axis is enough."""
    added = ndimage.gaussian_filter(noise(), axes)
    assert is_correlated(CLEAN + added, np.full_like(added, CLEAN))


def test_noise_that_is_the_same_in_all_channels_is_correlated() -> None:
    """As of JPEGs with halved color."""
    added = np.repeat(noise(1), 3, axis=0)
    assert is_correlated(CLEAN + added, np.full_like(added, CLEAN))


def test_where_nothing_was_removed_nothing_else_is_tried() -> None:
    """A clean image costs one pass."""
    clean = noise()
    assert is_correlated(clean, clean)
