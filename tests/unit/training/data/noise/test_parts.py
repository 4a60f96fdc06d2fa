"""The parts of the noise model, one by one."""

import pytest
import torch
from torch.nn.functional import avg_pool2d

from tests.unit.training.data.noise.scenes import draw, flat, neighbor_correlation, noise_of, scenes
from training.data.noise.camera import Camera
from training.data.noise.compression import Compression
from training.data.noise.correlated import Correlated
from training.data.noise.demosaic import demosaiced, demosaiced_along_edges, mosaic, places
from training.data.noise.drawings import drawn
from training.data.noise.filters import along_edges, luma
from training.data.noise.levels import Levels
from training.data.noise.outliers import Outliers
from training.data.noise.pair import Pair
from training.data.noise.patterns import patterned, textured
from training.data.noise.photons import Photons
from training.data.noise.uneven import rectangle, strength
from training.data.noise.white import White, shared


def test_white_noise_has_levels_up_to_the_largest_and_no_correlation() -> None:
    """With a power of two, half of the patches are below sigma_max / 4."""
    pair = White(share=1, sigma_max=80, sigma_power=2, uneven=0, independent=1)(flat(300, 0.5, side=32), draw())
    levels = 255 * noise_of(pair).flatten(1).std(dim=1)
    assert float(levels.max()) == pytest.approx(80, rel=0.1)
    assert float(levels.median()) == pytest.approx(20, abs=5)
    assert abs(neighbor_correlation(noise_of(pair))) < 0.01


def test_uneven_noise_is_quiet_in_one_part_and_loud_in_another() -> None:
    """The factors are between 0 and 1, and some patches have an area without any noise."""
    factors = strength(200, 32, draw())
    assert factors.shape == (200, 1, 32, 32)
    assert float(factors.min()) == 0
    assert float(factors.max()) == 1
    assert float((factors.flatten(1).std(dim=1) > 0.05).float().mean()) > 0.8


def test_rectangles_reach_across_or_lie_inside() -> None:
    """Some are bars from side to side, as in letterboxes."""
    inside = rectangle(200, 32, draw())
    bars = inside.all(dim=3).any(dim=2) | inside.all(dim=2).any(dim=2)
    assert 20 < int(bars.sum()) < 180
    assert 0.1 < float(inside.float().mean()) < 0.9


def test_noise_shared_between_channels_keeps_its_variance() -> None:
    """In some patches the channels are correlated, and the noise is as strong as before."""
    white = draw(1).normal(100, 3, 32, 32)
    mixed = shared(white, draw(), independent=0.5)
    assert float(mixed.std()) == pytest.approx(1, abs=0.02)
    between = (mixed[:, 0] * mixed[:, 1]).mean(dim=(1, 2))
    assert 30 < int((between < 0.05).sum()) < 70
    assert float(between.max()) > 0.8


def test_photon_noise_has_the_variance_of_its_counts() -> None:
    """For Poisson noise, the variance is the mean over the counts at white."""
    photons = Photons(share=1, counts=(50, 50.001), read_noise=0, dark=1, soft_px=0)
    pair = photons(flat(40, 0.5), draw())
    variance = noise_of(pair).square().mean(dim=(1, 2, 3))
    torch.testing.assert_close(variance, pair.clean.mean(dim=(1, 2, 3)) / 50, rtol=0.1, atol=0)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_camera_without_noise_gives_its_target(channels: int) -> None:
    """Noise is the only difference between input and target."""
    camera = Camera(share=1, shot=(1e-12, 1.1e-12), hot=0)
    pair = camera(scenes(6, channels=channels), draw())
    torch.testing.assert_close(pair.noisy, pair.clean, rtol=0, atol=0.02)
    assert pair.clean.shape[1] == channels


def test_a_camera_develops_what_it_undid() -> None:
    """Smooth scenes are reproduced: curve, gains, matrix and mosaic cancel."""
    scene = 0.2 + 0.5 * scenes(20, side=64)
    pair = Camera(share=1, shot=(1e-12, 1.1e-12), hot=0, smoothed=0, sharpened=0)(scene, draw())
    error = (pair.clean - scene)[..., 8:-8, 8:-8].abs().flatten(1).mean(dim=1)
    assert float(error.median()) < 0.01


def test_camera_noise_is_correlated_and_grows_with_brightness() -> None:
    """Interpolation correlates neighbors, and shot noise follows the light before the tone curve."""
    camera = Camera(share=1, shot=(3e-3, 3.1e-3), hot=0, smoothed=0, sharpened=0)
    assert neighbor_correlation(noise_of(camera(flat(20, 0.5), draw()))) > 0.2


def test_a_camera_can_reduce_its_color_noise() -> None:
    """The color noise that is left is weaker and coarser; the luminance noise stays as it was."""
    scene, noise = flat(30, 0.5, side=64), []
    for share in (0.0, 1.0):
        camera = Camera(share=1, shot=(3e-3, 3.1e-3), hot=0, color_reduced=share, color_reduction_px=(2, 2.1))
        noise.append(noise_of(camera(scene, draw())))
    plain, reduced = ((each, each - luma(each)) for each in noise)
    # Luminance depends on color where a channel is clipped.
    assert float((luma(reduced[0]) - luma(plain[0])).abs().mean()) < 1e-3
    assert float(reduced[1].std()) < 0.8 * float(plain[1].std())
    assert neighbor_correlation(reduced[1]) > neighbor_correlation(plain[1]) + 0.05


def edge() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Make scenes with an edge down the middle; return them, and masks of what is beside it and of what is not."""
    scene = flat(30, 0.2, side=64)
    scene[..., 32:] = 0.7
    beside = torch.zeros(64, dtype=torch.bool)
    beside[29:35] = True
    far = torch.zeros(64, dtype=torch.bool)
    far[8:24] = far[40:56] = True
    return scene, beside, far


@pytest.mark.parametrize(
    ("kept", "low", "high"), [(0.0, 0.6, 1.3), (1.0, 1.4, 4.0)], ids=["no noise reduction", "noise reduction"]
)
def test_a_camera_that_reduces_noise_keeps_it_beside_edges(kept: float, low: float, high: float) -> None:
    """Otherwise the noise beside an edge is as strong as that of its two sides."""
    scene, beside, far = edge()
    camera = Camera(
        share=1, shot=(1e-3, 1.1e-3), hot=0, smoothed=0, sharpened=0, edges_kept=kept, edges_kept_level=(2, 2.1)
    )
    noise = luma(noise_of(camera(scene, draw())))
    assert low < float(noise[..., beside].std() / noise[..., far].std()) < high


def test_a_camera_that_reduces_noise_weakens_faint_texture_no_more_than_the_noise() -> None:
    """The mean of many exposures has it still: what the noise hides from the camera, it cannot smooth apart."""
    texture = 0.5 + 0.01 * draw(1).normal(30, 1, 64, 64).expand(-1, 3, -1, -1)
    spreads = []
    for kept in (0.0, 1.0):
        camera = Camera(
            share=1, shot=(1e-2, 1.1e-2), hot=0, smoothed=0, sharpened=0, edges_kept=kept, edges_kept_level=(0.7, 0.8)
        )
        pair = camera(texture, draw())
        spreads.append([luma(each).flatten(1).std(dim=1).mean() for each in (pair.clean, noise_of(pair))])
    (texture_before, noise_before), (texture_after, noise_after) = spreads
    assert noise_after < 0.85 * noise_before
    assert texture_after / texture_before > 0.9 * noise_after / noise_before


@pytest.mark.parametrize("channels", [1, 3])
def test_a_camera_that_smooths_along_edges_makes_lines_of_noise(channels: int) -> None:
    """The noise is weaker, and its gradients point more in one direction in each window of 5 x 5 pixels."""
    spreads, coherences = [], []
    for share in (0.0, 1.0):
        camera = Camera(share=1, shot=(1e-3, 1.1e-3), hot=0, smoothed=0, sharpened=0, along_edges=share)
        noise = luma(noise_of(camera(flat(30, 0.5, side=64)[:, :channels], draw(4))))
        spreads.append(float(noise.std()))
        across = noise[..., 1:-1, 2:] - noise[..., 1:-1, :-2]
        down = noise[..., 2:, 1:-1] - noise[..., :-2, 1:-1]
        squares = torch.cat([across.square(), down.square(), across * down], dim=1)
        horizontal, vertical, diagonal = avg_pool2d(squares, 5, stride=1).unbind(1)
        length = ((horizontal - vertical).square() + 4 * diagonal.square()).sqrt()
        coherences.append(float((length / (horizontal + vertical)).mean()))
    assert spreads[1] < 0.85 * spreads[0]
    assert coherences[1] > 1.08 * coherences[0]


def test_smoothing_along_edges_keeps_them() -> None:
    """An edge stays, in every direction of the guide; the noise beside it is weakened."""
    axis = torch.arange(64.0) - 31.5
    angles = torch.linspace(0, torch.pi, 9)[:, None, None]
    scene = ((axis[:, None] * angles.cos() + axis * angles.sin()) / 2).sigmoid()[:, None]
    noise = 0.1 * draw().normal(9, 1, 64, 64)
    inner = (..., slice(8, -8), slice(8, -8))
    lost = (along_edges(scene, scene, length=7) - scene)[inner].abs().amax(dim=(1, 2, 3))
    assert float(lost.max()) < 0.05
    assert float(along_edges(noise, scene, length=7)[inner].std()) < 0.6 * float(noise.std())


def test_demosaicing_along_edges_keeps_them_and_adds_no_false_colors() -> None:
    """A gray edge stays gray along rows and columns, where bilinear interpolation gives it colors."""
    scene, _, _ = edge()
    scenes_with_edge = torch.cat([scene[:2], scene[:2].mT])
    place = places(64, torch.tensor([[0, 0], [1, 1], [0, 1], [1, 0]]))
    raw = mosaic(scenes_with_edge, place)
    inner = (..., slice(4, -4), slice(4, -4))
    along = demosaiced_along_edges(raw, place)[inner] - scenes_with_edge[inner]
    bilinear = demosaiced(raw, place, torch.zeros(4, 1, 1, 1, dtype=torch.bool))[inner] - scenes_with_edge[inner]
    assert float(along.abs().max()) < 0.13
    assert float(along.square().mean()) < 0.1 * float(bilinear.square().mean())


def test_demosaicing_keeps_what_the_sensor_measured() -> None:
    """Each pixel's own color is returned as it is, by every method."""
    scene = scenes(4, side=32)
    place = places(32, torch.tensor([[0, 0], [1, 1], [0, 1], [1, 0]]))
    raw = mosaic(scene, place)
    no = torch.zeros(4, 1, 1, 1, dtype=torch.bool)
    for colors in (demosaiced(raw, place, no), demosaiced(raw, place, ~no), demosaiced_along_edges(raw, place)):
        torch.testing.assert_close(mosaic(colors, place), raw)


@pytest.mark.parametrize("lines", [0.0, 1.0])
def test_correlated_noise_is_wider_than_a_pixel(lines: float) -> None:
    """Noisy rows or columns are constant from end to end."""
    pair = Correlated(share=1, lines=lines, luminance_px=1.3)(flat(100, 0.5), draw())
    noise = noise_of(pair)
    assert neighbor_correlation(noise) > 0.3
    along = torch.maximum(noise.mean(dim=2).std(dim=2).amax(dim=1), noise.mean(dim=3).std(dim=2).amax(dim=1))
    striped = along / noise.flatten(1).std(dim=1) > 0.5
    assert (float(striped.float().mean()) > 0.5) == bool(lines)


def test_wrong_pixels_are_noise_and_stars_are_not() -> None:
    """Stars are in the clean patch too. A wrong pixel is, only as far as clipping hides it from the network."""
    scene = scenes(60, side=64)
    pair = Outliers(share=1, excess=(100, 1000))(Pair(scene, scene), draw())
    starry = pair.clean.flatten(1).amax(dim=1) > 50
    assert 10 < int(starry.sum()) < 50
    torch.testing.assert_close(pair.noisy[starry], pair.clean[starry])
    wrong = noise_of(pair)[~starry].abs() > 0.2
    assert bool(wrong.flatten(1).any(dim=1).float().mean() > 0.5)


def test_patterns_are_regular_and_lie_in_a_part_of_the_patch() -> None:
    """One frequency stands out, and the rest of the patch is unchanged."""
    ground = flat(30, 0.5, side=64)
    changed = patterned(ground, draw())[:, 0] - 0.5
    outside = (changed == 0).flatten(1).float().mean(dim=1)
    assert int((outside > 0.1).sum()) > 15
    power = torch.fft.rfft2(changed).abs().square().flatten(1)[:, 1:]
    strongest = power.topk(40, dim=1).values.sum(dim=1) / power.sum(dim=1)
    assert float(strongest.median()) > 0.7


@pytest.mark.parametrize("channels", [1, 3])
def test_drawings_have_edges_that_no_photograph_has(channels: int) -> None:
    """From one pixel to the next nearly the whole contrast, in nearly all drawings; the same each time."""
    clean = scenes(40, side=64)[:, :channels]
    one, same = (drawn(clean, draw()) for _ in range(2))
    assert torch.equal(one, same)
    assert one.shape == clean.shape
    assert -1e-5 < float(one.min()) <= float(one.max()) < 1 + 1e-5
    step = (one[..., 1:] - one[..., :-1]).abs().amax(dim=(1, 2, 3))
    contrast = (one.amax(dim=(2, 3)) - one.amin(dim=(2, 3))).amax(dim=1)
    assert float((step > 0.4 * contrast).float().mean()) > 0.8


def test_patches_as_large_as_a_sheet_of_text_are_refused() -> None:
    """There would be no place to cut them from."""
    with pytest.raises(ValueError, match="patches of 768 pixels: drawn scenes have less than 768"):
        drawn(flat(1, 0.5, side=768), draw())


def test_texture_is_faint_fine_and_follows_the_scene() -> None:
    """A smooth scene gets detail in proportion to its brightness, and keeps its mean; black stays black."""
    source = (0.5 + 0.2 * draw(1).normal(30, 3, 64, 64)).clamp(0, 1)
    shades = [textured(flat(30, level, side=64), source, draw()) - level for level in (0.0, 0.3, 0.6)]
    assert not shades[0].any()
    torch.testing.assert_close(shades[2], 2 * shades[1])
    strength = shades[1].flatten(1).std(dim=1) / 0.3
    assert 0.05 < float(strength.median()) < 0.2
    assert float(shades[1].mean(dim=(1, 2, 3)).abs().median()) < 0.01


def test_what_is_clipped_or_rounded_stays_in_range_and_so_does_its_target() -> None:
    """A saturated star is saturated in the clean patch."""
    bright = Pair(flat(20, 3.0), flat(20, 3.0))
    recorded = Levels(clipped=0, rounded=1).recorded(bright, draw())
    assert torch.equal(recorded.noisy, flat(20, 1.0))
    assert torch.equal(recorded.clean, flat(20, 1.0))
    untouched = Levels(clipped=0, rounded=0).recorded(bright, draw())
    assert torch.equal(untouched.noisy, bright.noisy)


def test_crushed_patches_lose_their_shadows_or_lights() -> None:
    """Values accumulate at the ends of the range."""
    scene = 0.1 + 0.8 * scenes(40)
    stretched = Levels(crushed=1).stretched(scene, draw())
    ends = ((stretched == 0) | (stretched == 1)).flatten(1).any(dim=1)
    assert int(ends.sum()) > 20
    torch.testing.assert_close(Levels(crushed=0).stretched(scene, draw()), scene)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("webp", [0.0, 1.0])
def test_compression_changes_what_is_seen_only(channels: int, webp: float) -> None:
    """Files of low quality differ, but not by much on smooth scenes."""
    scene = scenes(8, channels=channels)
    pair = Compression(quality=(30, 31), webp=webp)(Pair(scene, scene), draw())
    assert torch.equal(pair.clean, scene)
    assert 1e-3 < float(noise_of(pair).abs().mean()) < 0.05
