"""Smoothing, resampling and mosaics."""

import pytest
import torch

from tests.unit.training.data.noise.scenes import draw, neighbor_correlation, scenes
from training.data.noise.demosaic import demosaiced, mosaic, places
from training.data.noise.filters import blurred, correlated, luma, resampled


def each(*values: float) -> torch.Tensor:
    """Return one parameter per patch."""
    return torch.tensor(values)[:, None, None, None]


def test_correlated_noise_keeps_its_variance_and_widens() -> None:
    """It is white at an extent of 0, and its correlation grows with the extent."""
    noise = correlated(draw().normal(3, 2, 64, 64), each(0.0, 0.7, 2.0))
    torch.testing.assert_close(noise.square().mean(dim=(2, 3)), torch.ones(3, 2))
    first, second, third = (neighbor_correlation(one) for one in noise)
    assert abs(first) < 0.05
    assert 0.2 < second < third < 1


def test_blur_keeps_the_mean_and_each_patch_has_its_own() -> None:
    """At an extent of 0 a patch stays unchanged."""
    scene = scenes(2)
    soft = blurred(scene, each(0.0, 1.5))
    torch.testing.assert_close(soft[0], scene[0])
    assert float(soft[1].diff(dim=2).abs().mean()) < float(scene[1].diff(dim=2).abs().mean())
    torch.testing.assert_close(blurred(torch.ones(1, 3, 16, 16), each(2.0)), torch.ones(1, 3, 16, 16))


@pytest.mark.parametrize("mode", ["bilinear", "bicubic", "nearest"])
def test_resampling_by_one_changes_nothing_and_by_two_enlarges_the_middle(mode: str) -> None:
    """The middle quarter fills the patch."""
    scene = scenes(2)
    same = resampled(scene, each(1.0, 1.0), mode=mode)
    torch.testing.assert_close(same, scene, rtol=0, atol=1e-4)
    twice = resampled(scene, each(2.0, 2.0), mode=mode)
    torch.testing.assert_close(twice[..., ::2, ::2], scene[..., 12:36, 12:36], rtol=0, atol=0.2)


def test_reducing_averages_noise_away() -> None:
    """Half the size gives about half the deviation."""
    noise = draw().normal(4, 1, 64, 64)
    halved = resampled(noise, each(0.5, 0.5, 0.5, 0.5), mode="bilinear")
    assert float(halved.std()) < 0.6


def test_luma_of_gray_is_gray() -> None:
    """Its weights sum to one."""
    gray = scenes(2, channels=1)
    torch.testing.assert_close(luma(gray.expand(-1, 3, -1, -1)), gray)
    assert luma(gray) is gray


@pytest.mark.parametrize("phase", [(0, 0), (0, 1), (1, 0), (1, 1)], ids=str)
@pytest.mark.parametrize("corrected", [False, True])
def test_demosaicing_gives_a_ramp_of_gray_back(phase: tuple[int, int], corrected: bool) -> None:
    """Both methods interpolate linearly, wherever the cell begins."""
    down, across = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    image = (0.3 * down + 0.7 * across).expand(1, 3, -1, -1)
    place = places(16, torch.tensor([phase]))
    found = demosaiced(mosaic(image, place), place, torch.tensor([corrected])[:, None, None, None])
    inside = (..., slice(2, -2), slice(2, -2))
    torch.testing.assert_close(found[inside], image[inside])


def test_demosaicing_gives_flat_colors_back() -> None:
    """Each channel comes from its own pixels: the filters' weights of the other channels sum to zero."""
    image = torch.tensor([0.2, 0.5, 0.9])[None, :, None, None].expand(1, 3, 12, 12).contiguous()
    for phase in ((0, 0), (1, 0)):
        place = places(12, torch.tensor([phase]))
        for corrected in (False, True):
            found = demosaiced(mosaic(image, place), place, torch.tensor([corrected])[:, None, None, None])
            torch.testing.assert_close(found, image)
