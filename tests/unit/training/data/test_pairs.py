"""Training pairs."""

import itertools

import numpy as np
import pytest
import torch

from tests.unit.training.fit.runs import photograph
from training.data.pairs import PairSampler

P = 4


def coordinates(height: int, width: int) -> np.ndarray:
    """Make an image (H, W, 3) whose pixels are (row, column, 77)."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows, columns, np.full_like(rows, 77)], axis=-1).astype(np.uint8)


def sample(
    *images: np.ndarray, patch: int = P, batch: int = 64, sigma_max: float = 100.0, **others: float
) -> PairSampler:
    """Make a sampler of small patches."""
    return PairSampler(images, patch=patch, batch=batch, sigma_max=sigma_max, **others)


def test_same_step_gives_the_same_pairs() -> None:
    """They do not depend on earlier draws."""
    one, other = sample(photograph(20, 30, seed=0)), sample(photograph(20, 30, seed=0))
    one.batch(3)
    for name in ("noisy", "clean", "sigma_255"):
        assert torch.equal(getattr(one.batch(7), name), getattr(other.batch(7), name))


@pytest.mark.parametrize("change", [{"rank": 1}, {"seed": 1}, {"step": 8}], ids=str)
def test_other_step_rank_or_seed_gives_other_pairs(change: dict[str, int]) -> None:
    """No two processes and no two steps learn from the same patches."""
    step = change.pop("step", 7)
    image = photograph(20, 30, seed=0)
    one, other = sample(image).batch(7), sample(image, **change).batch(step)
    assert not torch.equal(one.clean, other.clean)
    assert not torch.equal(one.noisy - one.clean, other.noisy - other.clean)
    assert not torch.equal(one.sigma_255, other.sigma_255)


def test_crops_lie_inside_the_image_in_all_eight_orientations() -> None:
    """Every crop is a square of neighbors of one image, up to its corners, and each symmetry of the square occurs."""
    small, large = coordinates(9, 6), coordinates(5, 50)
    orientations, corners = set(), set()
    for step in range(8):
        for crop in (sample(small, large).batch(step).clean * 255).round().long():
            rows, columns, marks = crop
            assert (marks == 77).all()
            top, left = int(rows.min()), int(columns.min())
            corners.add((top, left))
            orientations.add(tuple(map(int, (rows[0, 0] - top, columns[0, 0] - left, rows[0, 1] - rows[0, 0]))))
            assert sorted(zip((rows - top).flatten().tolist(), (columns - left).flatten().tolist(), strict=True)) == [
                (row, column) for row in range(P) for column in range(P)
            ]
            # Neighbors stay neighbors.
            steps = (rows.diff(dim=1).abs() + columns.diff(dim=1).abs(), rows.diff(dim=0) + columns.diff(dim=0))
            assert (steps[0] == 1).all()
            assert (steps[1].abs() == 1).all()
    assert len(orientations) == 8
    # The last position of each image along each axis.
    assert max(top for top, _ in corners) == 9 - P
    assert max(left for _, left in corners) == 50 - P
    assert min(top for top, _ in corners) == min(left for _, left in corners) == 0


def test_every_position_of_every_image_is_as_likely() -> None:
    """A large image is therefore drawn more often than a small one."""
    small, large = np.zeros((4, 5, 1), np.uint8), np.full((4, 9, 1), 255, np.uint8)
    share = float(sample(small, large, batch=8000).batch(0).clean.mean())
    assert share == pytest.approx(6 / 8, abs=0.02)


def test_noise_levels_are_uniform_from_nothing_to_the_maximum() -> None:
    """Kolmogorov's distance of 8000 draws exceeds 0.02 only once in a hundred."""
    pairs = sample(photograph(20, 30, seed=0), batch=8000, sigma_max=80.0).batch(0)
    levels = np.sort(pairs.sigma_255.numpy()) / 80
    assert 0 <= levels[0] < levels[-1] <= 1
    assert np.abs(levels - np.linspace(0, 1, 8000)).max() < 0.02
    noise = (pairs.noisy - pairs.clean).double().square().mean(dim=(1, 2, 3)).sqrt() * 255
    assert float((noise / pairs.sigma_255).mean()) == pytest.approx(1, abs=0.02)


def test_sigma_power_favors_low_noise() -> None:
    """The median of sigma_max u^2 is a quarter of sigma_max."""
    pairs = sample(photograph(20, 30, seed=0), batch=8000, sigma_power=2.0).batch(0)
    assert float(pairs.sigma_255.median()) == pytest.approx(25, abs=2)


def test_noise_is_never_clipped() -> None:
    """Black and white pixels get noise on both sides."""
    image = np.concatenate([np.zeros((8, 8, 1)), np.full((8, 8, 1), 255)]).astype(np.uint8)
    noisy = sample(image).batch(0).noisy
    assert float(noisy.min()) < -0.2
    assert float(noisy.max()) > 1.2


def test_images_smaller_than_the_patch_are_left_out() -> None:
    """Only one of three is large enough."""
    images = np.full((3, 40, 1), 10, np.uint8), np.full((40, 3, 1), 20, np.uint8), np.full((4, 4, 1), 51, np.uint8)
    clean = sample(*images).batch(0).clean
    assert torch.equal(clean, torch.full((64, 1, 4, 4), 51 / 255))


def test_no_image_as_large_as_the_patch_is_refused() -> None:
    """The message names the patch."""
    with pytest.raises(ValueError, match="none of the 1 images is as large as the patch of 9 x 9"):
        sample(np.zeros((8, 20, 1), np.uint8), patch=9)


def test_permuted_channels_are_the_same_channels_in_every_order():
    """Each patch keeps its three channels, and all six orders occur."""
    image = np.empty((20, 20, 3), np.uint8)
    image[...] = (10, 20, 30)
    sampler = PairSampler([image], patch=8, batch=200, sigma_max=0, permute_channels=True)
    orders = {tuple(patch[:, 0, 0].mul(255).round().int().tolist()) for patch in sampler.batch(0).clean}
    assert orders == set(itertools.permutations((10, 20, 30)))


def test_saturated_patches_keep_gray_and_enlarge_color():
    """Differences from the mean channel grow by a factor from 1 to the maximum, and a gray image stays unchanged."""
    image = np.empty((20, 20, 3), np.uint8)
    image[...] = (100, 110, 120)
    clean = PairSampler([image], patch=8, batch=100, sigma_max=0, saturation=3).batch(0).clean
    spread = (clean[:, 2, 0, 0] - clean[:, 0, 0, 0]) * 255
    assert 20 <= spread.min() < 25
    assert 55 < spread.max() <= 60
    gray = np.full((20, 20, 3), 77, np.uint8)
    same = PairSampler([gray], patch=8, batch=4, sigma_max=0, saturation=3).batch(0).clean
    np.testing.assert_allclose(same.numpy() * 255, 77, rtol=1e-5)


def test_grain_is_part_of_what_is_clean():
    """Each patch has its own level from zero to the maximum, and the noise added to it stays the same."""
    flat = np.full((40, 40, 3), 128, np.uint8)
    batch = sample(flat, patch=32, batch=500, sigma_max=10, grain=3.0).batch(0)
    grain = batch.clean - 128 / 255
    levels = 255 * grain.flatten(1).std(dim=1)
    assert levels.min() < 0.1
    assert 2.7 < levels.max() < 3.3
    assert levels.mean().item() == pytest.approx(3 / 3, abs=0.12)
    added = batch.noisy - batch.clean
    np.testing.assert_allclose(255 * added.flatten(1).std(dim=1), batch.sigma_255, rtol=0.1, atol=0.01)
    assert abs(torch.corrcoef(torch.stack([grain.flatten(), added.flatten()]))[0, 1]) < 0.01


def test_grain_is_smooth_in_some_patches_and_alternates_in_others():
    """Rows and columns differ, by the correlation of neighbors, and each channel has its own grain."""
    flat = np.full((40, 40, 3), 128, np.uint8)
    grain = sample(flat, patch=32, batch=300, grain=3.0).batch(0).clean.double() - 128 / 255
    power = (grain**2).mean(dim=(1, 2, 3))
    along = (grain[..., 1:] * grain[..., :-1]).mean(dim=(1, 2, 3)) / power
    down = (grain[..., 1:, :] * grain[..., :-1, :]).mean(dim=(1, 2, 3)) / power
    for correlation in (along, down):
        assert -0.8 < correlation.min() < -0.5
        assert 0.5 < correlation.max() < 0.8
        assert abs(correlation.mean()) < 0.1
    assert abs(torch.corrcoef(torch.stack([along, down]))[0, 1]) < 0.2
    assert abs(torch.corrcoef(grain.movedim(1, 0).flatten(1))[0, 1]) < 0.02
