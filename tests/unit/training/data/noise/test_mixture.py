"""The noise model as a whole."""

import pytest
import torch
from pydantic import ValidationError

from tests.unit.training.data.noise.scenes import draw, scenes
from training.data.noise import NoiseMixture
from training.data.noise.white import White
from training.fit.recipe import read_recipe


@pytest.mark.parametrize("channels", [1, 3])
def test_pairs_follow_from_the_random_numbers(channels: int) -> None:
    """The same seed gives the same pairs and another seed others, so a resumed run needs no more state."""
    mixture, clean = NoiseMixture(), scenes(24, channels=channels)
    one, same, other = (mixture.pairs(clean, draw(seed)) for seed in (5, 5, 6))
    assert torch.equal(one.noisy, same.noisy)
    assert torch.equal(one.clean, same.clean)
    assert not torch.equal(one.noisy, other.noisy)
    assert one.noisy.shape == one.clean.shape == clean.shape


@pytest.mark.parametrize("channels", [1, 3])
def test_pairs_are_finite_whatever_is_drawn(channels: int) -> None:
    """This holds over many batches, including empty parts and patches with every disturbance."""
    mixture = NoiseMixture(resampled=0.5, constant=0.5, gray=0.5, drawn=0.5)
    for seed in range(40):
        pair = mixture.pairs(scenes(4, channels=channels), draw(seed))
        assert bool(pair.noisy.isfinite().all() and pair.clean.isfinite().all())


def test_gray_patches_have_equal_channels_in_both() -> None:
    """The noise is gray too, as in a gray photograph stored as RGB."""
    pair = NoiseMixture(gray=1, outliers={"share": 0}, compressed={"white": 0}).pairs(scenes(20), draw())
    same = (pair.noisy == pair.noisy[:, :1]).flatten(1).all(dim=1)
    assert float(same.float().mean()) > 0.5  # those that were not compressed: JPEG rounds channels apart
    torch.testing.assert_close(pair.clean, pair.clean[:, :1].expand_as(pair.clean))


def test_a_mixture_of_nothing_leaves_patches_clean() -> None:
    """Patches of no part stay unchanged."""
    nothing = {
        "white": {"share": 0},
        "photons": {"share": 0},
        "camera": {"share": 0},
        "correlated": {"share": 0},
        "outliers": {"share": 0},
        "levels": {"clipped": 0, "rounded": 0, "crushed": 0},
        "magnified": 0,
        "patterned": 0,
        "resampled": 0,
        "constant": 0,
        "gray": 0,
    }
    clean = scenes(4)
    pair = NoiseMixture.model_validate(nothing).pairs(clean, draw())
    torch.testing.assert_close(pair.noisy, clean)
    assert torch.equal(pair.noisy, pair.clean)


def test_areas_of_one_value_have_no_noise() -> None:
    """Borders and letterboxes are equal in the noisy and the clean patch."""
    mixture = NoiseMixture(white=White(share=1, sigma_max=50), constant=1, photons={"share": 0}, camera={"share": 0},
                           correlated={"share": 0}, outliers={"share": 0}, levels={"clipped": 0, "rounded": 0},
                           compressed={"white": 0}, resampled=0)  # fmt: skip
    pair = mixture.pairs(scenes(20), draw())
    equal = (pair.noisy == pair.clean).all(dim=1).flatten(1).float().mean(dim=1)
    assert int((equal > 0.02).sum()) >= 19


def test_shares_beyond_the_whole_are_refused() -> None:
    """The message states their sum."""
    with pytest.raises(ValidationError, match=r"sum to 1\.5"):
        NoiseMixture(white={"share": 1}, photons={"share": 0.5}, camera={"share": 0}, correlated={"share": 0})
    with pytest.raises(ValidationError, match="snow"):
        NoiseMixture.model_validate({"snow": {"share": 0.1}})


@pytest.mark.parametrize("name", ["gray-real", "color-real", "gray-fast", "color-fast", "color-best-real"])
def test_the_shipped_recipes_leave_some_patches_clean(name: str) -> None:
    """The networks learn to keep clean images unchanged."""
    noise = read_recipe(name).noise
    assert noise is not None
    assert 0 < 1 - sum(part.share for part in (noise.white, noise.photons, noise.camera, noise.correlated)) < 0.1
