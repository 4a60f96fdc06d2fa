"""The choice between a network for white noise and one for any noise."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage

from biasfree import choice
from biasfree.choice import is_correlated

FloatArray = npt.NDArray[np.float32]


def noise(channels: int = 3, height: int = 130, width: int = 200, *, seed: int = 0) -> FloatArray:
    """White noise (C, H, W); its sides are no multiples of the blocks."""
    return 0.1 * np.random.default_rng(seed).standard_normal((channels, height, width), dtype=np.float32)


CLEAN = np.float32(0.5)


def is_white(noisy: FloatArray, denoised: FloatArray, by_white: FloatArray, *, uneven: bool = False) -> bool:
    """As for a network that did not learn uneven noise, unless stated."""
    return choice.is_white(noisy, denoised, by_white, uneven=uneven)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [1, 20, 700], ids="{} pixels".format)
def test_white_noise_that_both_remove_is_for_the_network_for_white_noise(channels: int, side: int) -> None:
    """Of one pixel, of less than a block, and of more than a band of rows."""
    added = noise(channels, side, side)
    noisy = CLEAN + added
    if side > 1:
        assert not is_correlated(noisy, noisy - added)
    assert is_white(noisy, noisy - added, noisy - 0.97 * added)


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


def test_noise_that_is_too_loud_in_a_part_is_for_the_other_even_if_both_remove_it() -> None:
    """As from an outlier, or where two levels meet; noise may be uneven by less."""
    added = noise()
    added[..., :64] *= 2
    assert is_white(CLEAN + added, np.full_like(added, CLEAN), np.full_like(added, CLEAN))
    added[..., :64] *= 1.5
    assert not is_white(CLEAN + added, np.full_like(added, CLEAN), np.full_like(added, CLEAN))


def test_light_noise_of_which_the_network_for_white_noise_leaves_a_part_is_for_the_other() -> None:
    """As in a JPEG, where it takes noise for texture: what it leaves is like what it removes."""
    picture, added, texture = textured()
    assert is_white(picture + added, picture - 2 * texture, picture)
    assert not is_white(picture + added, picture - 2 * texture, picture + 0.6 * added - 0.8 * texture)


@pytest.mark.parametrize(("strength", "white"), [(0.3, True), (3, False)], ids=["light", "strong"])
def test_the_stronger_the_noise_the_more_alike_must_be_what_both_remove(strength: float, white: bool) -> None:
    """In strong noise the networks differ little if the noise is white, and much if one of them is mistaken."""
    added, other = strength * noise(1), strength * noise(1, seed=1)
    picture = np.linspace(0, 1, added.shape[2], dtype=np.float32)
    assert is_white(picture + added, picture + 0 * added, picture + 0.06 * added + 0.3 * other) == white


@pytest.mark.parametrize(("strength", "white"), [(0.3, True), (3, False)], ids=["light", "strong"])
def test_the_stronger_the_noise_the_more_of_it_must_the_network_for_white_noise_remove(
    strength: float, white: bool
) -> None:
    """In light noise it may leave what might be texture; in a dark image with few photons it leaves noise."""
    added = strength * noise(1)
    picture = np.linspace(0, 1, added.shape[2], dtype=np.float32)
    assert is_white(picture + added, picture + 0 * added, picture + 0.15 * added) == white


def textured() -> tuple[FloatArray, FloatArray, FloatArray]:
    """A picture with texture in one half, light noise, and the texture; each (C, H, W)."""
    added, texture = 0.1 * noise(), 0.15 * noise(seed=1)
    texture[..., 100:] = 0
    picture = np.linspace(0, 1, added.shape[2], dtype=np.float32) + texture
    return picture, added, texture


@pytest.mark.parametrize(("scale", "offset"), [(1, 0), (1000, 0), (0.001, 0), (1, -5)])
def test_light_noise_is_for_the_network_for_white_noise_although_the_other_removes_texture_with_it(
    scale: float, offset: float
) -> None:
    """It leaves texture alone, and so removes less; in any unit."""
    picture, added, texture = (np.float32(scale) * part for part in textured())
    picture += np.float32(offset)
    assert is_white(picture + added, picture - texture, picture)
    assert not is_white(picture + added, picture - texture, picture + 0.9 * added)
    picture -= np.float32(offset)
    strong = 0.3
    assert not is_white(strong * picture + added, strong * (picture - texture) - 3 * texture, strong * picture)


def test_light_noise_in_a_corner_is_for_the_other() -> None:
    """The network for white noise takes its level from the rest of the image, and leaves it as if it were texture."""
    picture, added, _ = textured()
    corner, removed = 0.05 * added, 0.05 * added
    corner[:, :32, :32] = 3 * added[:, :32, :32]
    removed[:, :32, :32] = 0.6 * added[:, :32, :32] + 0.09 * noise(seed=2)[:, :32, :32]
    assert not is_white(picture + corner, picture, picture + corner - removed)
    assert is_white(picture + corner, picture, picture + corner - removed, uneven=True)


@pytest.mark.parametrize("left", [0, 0.6], ids=["all of it", "a part"])
def test_light_noise_of_which_the_network_for_white_noise_removes_something_else_is_for_the_other(left: float) -> None:
    """As noise that it takes for the picture, or text that it takes for noise."""
    picture, added, texture = textured()
    other = noise(seed=2)
    removed = left * added + 0.1 * np.sqrt(1 - left**2) * other
    assert not is_white(picture + added, picture - 2 * texture, picture + added - removed)


@pytest.mark.parametrize(
    ("channels", "strength", "white"),
    [(1, 0.05, True), (1, 0.2, False), (3, 0.2, True), (3, 0.5, False)],
    ids=["gray, faint", "gray", "color, faint", "color"],
)
@pytest.mark.parametrize("factor", [0, 9], ids=["quiet", "loud"])
def test_faint_noise_is_for_the_network_for_white_noise_however_uneven(
    channels: int, strength: float, white: bool, factor: int
) -> None:
    """There it hardly fails beside a border, in color up to stronger noise than in gray."""
    added = strength / max(factor / 2, 1) * noise(channels)
    added[..., :40] *= factor
    picture = np.linspace(0, 1, added.shape[2], dtype=np.float32)
    assert is_white(picture + added, picture + 0 * added, picture + 0.1 * added) == white


@pytest.mark.parametrize(
    ("share", "white"), [(1, True), (0.9, False)], ids=["both remove it", "one leaves a part, as of few photons"]
)
def test_uneven_noise_is_for_the_network_for_white_noise_if_that_learned_it(share: float, white: bool) -> None:
    """Beside an area of one value, and where two levels meet; it must then remove all of it."""
    added = noise()
    added[..., :32] = 0
    added[..., 160:] *= 4
    denoised, by_white = np.full_like(added, CLEAN), CLEAN + np.float32(1 - np.sqrt(share)) * added
    assert is_white(CLEAN + added, denoised, by_white, uneven=True) == white
    assert not is_white(CLEAN + added, denoised, by_white)


@pytest.mark.parametrize(("strength", "white"), [(0.01, False), (1, True)], ids=["a drawing", "noise"])
def test_where_contrast_is_far_above_the_noise_the_network_for_white_noise_may_not_remove_much_more(
    strength: float, white: bool
) -> None:
    """It may take text for noise; elsewhere the other leaves noise."""
    added = strength * noise()
    picture = np.linspace(0, 1, added.shape[2], dtype=np.float32)
    assert is_white(picture + added, picture + 0.4 * added, picture + 0 * added) == white


def test_an_error_that_spreads_from_an_outlier_is_for_the_other() -> None:
    """The network for white noise then changes the image by more than there is noise."""
    added = noise()
    assert not is_white(CLEAN + added, np.full_like(added, CLEAN), CLEAN + 5 * added)


@pytest.mark.parametrize("axes", [(0, 1, 0), (0, 0, 1)], ids=["down", "across"])
def test_noise_that_is_correlated_with_its_neighbors_is_found(axes: tuple[int, int, int]) -> None:
    """Along one axis is enough."""
    added = ndimage.gaussian_filter(noise(), axes)
    assert is_correlated(CLEAN + added, np.full_like(added, CLEAN))


@pytest.mark.parametrize("axes", ["chw", "cwh"], ids=["rows", "columns"])
def test_noise_that_has_a_direction_is_not_white(axes: str) -> None:
    """As of rows with offsets of their own, even if most of the offsets were left."""
    added = noise(1, 200, 200)
    offsets = 0.06 * np.random.default_rng(1).standard_normal((1, 200, 1), dtype=np.float32)
    added = np.einsum(f"chw->{axes}", added + offsets - offsets.mean())
    assert is_correlated(CLEAN + added, np.full_like(added, CLEAN))
    white = noise(1, 200, 200)
    assert not is_correlated(CLEAN + white, np.full_like(white, CLEAN))


def test_noise_that_is_the_same_in_all_channels_is_correlated() -> None:
    """As of JPEGs with halved color."""
    added = np.repeat(noise(1), 3, axis=0)
    assert is_correlated(CLEAN + added, np.full_like(added, CLEAN))


def test_where_nothing_was_removed_nothing_else_is_tried() -> None:
    """A clean image costs one pass."""
    clean = noise()
    assert is_correlated(clean, clean)
