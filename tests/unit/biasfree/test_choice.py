"""The choice between a network for white noise and one for any noise."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage

from biasfree import choice
from biasfree.choice import is_correlated, is_drawing, is_white, removes_less
from biasfree.options import DenoiseOptions

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
    assert is_white(noisy, noisy - added, noisy - 0.98 * added)


def test_noise_that_the_network_for_white_noise_leaves_is_for_the_other() -> None:
    """As the noise of cameras, JPEG or enlargement, which it takes for the picture."""
    added = noise()
    assert not is_white(CLEAN + added, np.full_like(added, CLEAN), CLEAN + 0.5 * added)


def test_noise_that_is_left_in_one_part_is_for_the_other() -> None:
    """As beside a clean area that it takes for the level of the noise."""
    added = noise()
    left = added.copy()
    left[..., 100:] = 0
    assert not is_white(CLEAN + added, np.full_like(added, CLEAN), CLEAN + left)


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


@pytest.mark.parametrize("left", [0, 0.6], ids=["all of it", "a part"])
def test_light_noise_of_which_the_network_for_white_noise_removes_something_else_is_for_the_other(left: float) -> None:
    """As noise that it takes for the picture, or text that it takes for noise."""
    picture, added, texture = textured()
    other = noise(seed=2)
    removed = left * added + 0.1 * np.sqrt(1 - left**2) * other
    assert not is_white(picture + added, picture - 2 * texture, picture + added - removed)


@pytest.mark.parametrize(
    ("share", "white"), [(1, True), (0.9, False)], ids=["both remove it", "one leaves a part, as of few photons"]
)
def test_uneven_noise_is_for_the_network_for_white_noise_if_that_removes_all_of_it(share: float, white: bool) -> None:
    """Beside an area of one value, and where two levels meet."""
    added = noise()
    added[..., :32] = 0
    added[..., 160:] *= 4
    denoised, by_white = np.full_like(added, CLEAN), CLEAN + np.float32(1 - np.sqrt(share)) * added
    assert is_white(CLEAN + added, denoised, by_white) == white


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


@pytest.mark.parametrize(("strength", "white"), [(0.1, True), (1.0, False)])
def test_a_network_that_also_takes_much_of_a_star_is_not_for_white_noise(strength: float, white: bool) -> None:
    """Even if it removes all else as the other does."""
    added = noise(1, 320, 320)
    star = np.zeros_like(added)
    star[0, 100:116, 100:116] = strength
    sky = CLEAN + np.linspace(0, 10, 320, dtype=np.float32) + star
    assert is_white(sky + added, sky, sky - star) == white


def test_the_stronger_the_noise_the_less_the_two_may_dispute() -> None:
    """In images of few photons both remove much the same, and yet the network for white noise is much worse."""
    added, disputed = noise(1, 320, 320), 0.16 * noise(1, 320, 320, seed=1)
    for sky, white in ((np.linspace(0, 1, 320, dtype=np.float32), True), (CLEAN, False)):
        assert is_white(sky + added, sky + 0 * added, sky - disputed) == white


def test_few_stars_do_not_make_the_noise_faint() -> None:
    """So that a network that removes less is not taken for one that leaves texture."""
    added = noise(1, 320, 320)
    texture = np.linspace(0, 4, 320, dtype=np.float32) * noise(1, 320, 320, seed=1)
    sky = CLEAN + np.linspace(-1, 1, 320, dtype=np.float32) * np.ones_like(added)
    assert is_white(8 * sky + added, 8 * sky - texture, 8 * sky)
    assert not is_white(sky + added, sky - texture, sky)
    sky[0, ::40, ::40] = 100
    assert not is_white(sky + added, sky - texture, sky)


def test_what_only_the_other_removes_is_texture_if_it_varies_over_the_image() -> None:
    """If it is even, it is noise that the network for white noise leaves, as it does around bright stars."""
    picture, added, _ = textured()
    left = 0.15 * noise(seed=1)
    varying = np.linspace(0, 2, left.shape[-1], dtype=np.float32) * left
    assert is_white(picture + added, picture - varying, picture)
    assert not is_white(picture + added, picture - left, picture)


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


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [1, 2, 8, 300], ids="squares of {} pixels".format)
def test_a_drawing_of_flat_colors_is_told_from_noise_by_its_equal_neighbors(channels: int, side: int) -> None:
    """Squares of one color, which the network for any noise blurs; of one or two pixels they may be noise."""
    cells = noise(channels, 1200 // side, 320 // side + 1)
    drawing = CLEAN + np.kron(cells, np.ones((1, side, side), np.float32))
    blurred = ndimage.gaussian_filter(drawing, (0, 1, 1))
    assert is_drawing(drawing, blurred) == (side >= 8)


@pytest.mark.parametrize(("colors", "drawing"), [(1, True), (4, True), (5, False)])
def test_an_image_of_few_colors_is_a_drawing(colors: int, drawing: bool) -> None:
    """As a stipple or a checkerboard, in which hardly any neighbors are equal; unless nothing is removed from it."""
    tones = np.random.default_rng(0).random((3, colors), dtype=np.float32)
    picture = tones[:, np.arange(100 * 120).reshape(100, 120) % colors]
    assert is_drawing(picture, np.full_like(picture, CLEAN)) == drawing
    assert not is_drawing(picture, picture)


def test_noise_beside_a_large_constant_area_is_no_drawing() -> None:
    """Most neighbors are equal, but nothing is removed there. Nor is a drawing one if noise was added to all of it."""
    added = ndimage.gaussian_filter(noise(), (0, 1, 1))
    added[:, :, :150] = 0
    assert not is_drawing(CLEAN + added, np.full_like(added, CLEAN))
    drawing = CLEAN + np.kron(noise(3, 13, 20), np.ones((1, 10, 10), np.float32))
    assert not is_drawing(drawing + noise(seed=1), drawing)
    assert not is_drawing(drawing, drawing)


@pytest.mark.parametrize("dtype", ["u1", "u2", "f8"])
def test_the_first_frame_that_shows_enough_decides(dtype: str) -> None:
    """A film may begin with black, in which a hot pixel is no picture, and continue with dark frames."""
    picture = np.random.default_rng(0).integers(0, 200, (60, 80, 3))
    black = np.zeros_like(picture)
    black[7, 9] = 255
    film = [black, picture // 4, picture * 3 // 4, picture]
    frames = [frame.astype(dtype) for frame in film]
    assert choice.deciding(frames) == 2
    assert choice.deciding([1e300 * frame.astype("f8") for frame in film]) == 2
    assert choice.deciding(frames[::-1]) == 0
    assert choice.deciding(frames[:1] * 2) == 0
    assert choice.deciding(frames[:1]) == 0


def test_best_averages_over_four_orientations_at_least_where_the_noise_is_not_white() -> None:
    """The other options stay."""
    for asked, expected in ((1, 4), (2, 4), (8, 8)):
        options = DenoiseOptions(ensemble=asked, strength=0.5)
        assert choice.any_noise_options("best", options) == DenoiseOptions(ensemble=expected, strength=0.5)
        for other in ("auto", "fast", "color-real", None):
            assert choice.any_noise_options(other, options) is options


def test_the_network_that_removes_less_is_found() -> None:
    """Over several bands of rows."""
    noisy = noise(height=1100)
    assert removes_less(noisy, 0.9 * noisy, 0.8 * noisy)
    assert not removes_less(noisy, 0.8 * noisy, 0.9 * noisy)
    assert not removes_less(noisy, noisy, noisy)
