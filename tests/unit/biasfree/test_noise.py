"""What is said of the noise, where the truth is known: on images made of few waves, and a network that keeps those."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from biasfree.estimates import STEP, probe
from biasfree.noise import Measured, digits

SIDE, KEPT = 256, 12


def network(image: np.ndarray) -> np.ndarray:
    """The orthogonal projection of each channel onto its lowest frequencies."""
    frequencies = np.arange(image.shape[-1])
    basis = np.cos(np.pi * (frequencies[:, None] + 0.5) * np.arange(KEPT) / image.shape[-1])
    basis /= np.linalg.norm(basis, axis=0)
    matrix = basis @ basis.T
    return (matrix @ image.astype(np.float64) @ matrix).astype(np.float32)


RANDOM = np.random.default_rng(0)
CLEAN = 0.5 + 2 * (network(RANDOM.random((3, SIDE, SIDE))) - 0.5)
WHITE = RANDOM.standard_normal((3, SIDE, SIDE))


def measure(noisy: np.ndarray, *, denoise=network, limits=None, strength: float = 1, scale: float = 1) -> Measured:
    """The measurements of what a network took from an image."""
    noisy = noisy.astype(np.float32)
    signs = probe(noisy.shape)
    moved = noisy + STEP * signs
    denoised, perturbed = denoise(noisy), denoise(moved)
    blends = noisy + strength * (denoised - noisy), moved + strength * (perturbed - moved)
    chosen = None if strength == 1 else tuple(each.astype(np.float32) for each in blends)
    return Measured.of(noisy, denoised, perturbed, signs, limits=limits, scale=scale, blends=chosen)


def noise_of(noisy: np.ndarray, **options):
    """What is said of it; white is 1."""
    return measure(noisy, **options).noise_of(white=1)


def psnr(clean: np.ndarray, image: np.ndarray) -> float:
    """For white at 1."""
    return float(-10 * np.log10(np.mean((clean - image) ** 2)))


@pytest.mark.parametrize("channels", [1, 3])
def test_white_noise_is_called_white_with_its_level_and_psnr(channels):
    """Level 25 within a percent, no correlation, the PSNR within a decibel."""
    clean = CLEAN[:channels]
    noisy = clean + 25 / 255 * WHITE[:channels]
    noise = noise_of(noisy)
    assert (noise.kind, noise.white, noise.psnr_withheld) == ("white", True, None)
    assert noise.level == pytest.approx(25, rel=0.01)
    assert abs(noise.neighbor_correlation) < 0.03
    assert (noise.channel_correlation is None) == (channels == 1)
    assert noise.description == f"white noise, level {noise.level:.1f}"
    assert noise.psnr_db == pytest.approx(psnr(clean, network(noisy)), abs=1)


@pytest.mark.parametrize("strength", [0, 0.4])
def test_the_psnr_is_that_of_the_blend(strength):
    """With strength 0 it is the input's."""
    noisy = CLEAN + 25 / 255 * WHITE
    blended = noisy + strength * (network(noisy) - noisy)
    assert noise_of(noisy, strength=strength).psnr_db == pytest.approx(psnr(CLEAN, blended), abs=0.2)


@pytest.mark.parametrize("strength", [1, 0.4])
def test_the_psnr_is_also_that_of_noise_in_a_part_of_the_image(strength):
    """Which a network leaves as it is elsewhere: there it passes everything, and there is nothing to pass."""
    noisy = CLEAN + 25 / 255 * WHITE * (np.arange(SIDE) >= SIDE // 2)

    def halves(image: np.ndarray) -> np.ndarray:
        return np.where(np.arange(SIDE) >= SIDE // 2, network(image), image)

    blended = noisy + strength * (halves(noisy) - noisy)
    assert noise_of(noisy, denoise=halves, strength=strength).psnr_db == pytest.approx(psnr(CLEAN, blended), abs=1)


@pytest.mark.parametrize("axis", [1, 2])
def test_noise_that_neighbors_share_is_called_correlated(axis):
    """Down or across; its level is what was removed, and no PSNR is told."""
    noise = noise_of(CLEAN + 0.1 * ndimage.uniform_filter1d(WHITE, 2, axis=axis))
    assert (noise.kind, noise.white, noise.psnr_db) == ("correlated", False, None)
    assert noise.psnr_withheld == "the noise is correlated"
    assert noise.neighbor_correlation == pytest.approx(0.5, abs=0.05)
    assert noise.level == pytest.approx(255 * 0.1 / np.sqrt(2), rel=0.03)


def test_noise_that_channels_share_is_called_correlated():
    """Gray grain on a color image."""
    noise = noise_of(CLEAN + 0.1 * WHITE[:1])
    assert noise.kind == "correlated"
    assert noise.channel_correlation > 0.95
    assert abs(noise.neighbor_correlation) < 0.03


@pytest.mark.parametrize(("power", "words"), [(1, "grows with brightness"), (-1, "is stronger in dark areas")])
def test_noise_that_depends_on_brightness_is_called_so(power, words):
    """Its PSNR stays near the truth."""
    clean = network(np.linspace(0.1, 1, SIDE)[:, None] * np.ones((1, SIDE, SIDE)))
    noisy = clean + 0.03 * clean ** (power / 2) * WHITE[:1]
    noise = noise_of(noisy)
    assert noise.kind == "brightness-dependent"
    assert noise.white
    assert (noise.brightness_dependence > 1) == (power > 0)
    assert words in noise.description
    assert noise.psnr_db == pytest.approx(psnr(clean, network(noisy)), abs=1.5)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("share", [0.02, 0.1])
def test_salt_and_pepper_is_called_impulses_and_gets_no_psnr(channels, share):
    """Its PSNR would be up to 6 dB too high."""
    clean = CLEAN[:channels]
    hit = np.random.default_rng(1).random(clean.shape)
    noise = noise_of(np.select([hit < share / 2, hit < share], [0, 1], clean))
    assert (noise.kind, noise.white, noise.psnr_db) == ("impulse", True, None)
    assert noise.description.startswith("impulse noise (salt and pepper), level ")
    assert noise.psnr_withheld == "the noise is impulses"


def test_white_noise_with_a_few_bright_pixels_is_white():
    """Stars are no noise."""
    noisy = CLEAN + 0.05 * WHITE
    noisy[:, 20::80, 30::80] = 3
    assert noise_of(noisy).kind == "white"


@pytest.mark.parametrize("passed", [1, 0.98])
def test_noise_that_was_left_gives_no_psnr(passed):
    """A network that takes what it sees for the picture, all or nearly all of it, finds little noise."""
    noise = noise_of(CLEAN + 0.1 * WHITE, denoise=lambda image: np.float32(passed) * image)
    assert (noise.kind, noise.white, noise.psnr_db) == ("little", None, None)
    assert noise.description.startswith("little noise found, level ")
    assert noise.psnr_withheld


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
@pytest.mark.parametrize("edge", [0, 3])
def test_masked_areas_do_not_lower_the_level(share, edge):
    """Nor where the mask's edge runs through a block: zeros are no data."""
    noisy = CLEAN[:1] + 25 / 255 * WHITE[:1]
    mask = np.zeros((SIDE, SIDE), bool)
    mask[:, int(share * SIDE) + edge :] = True
    clean_there = lambda image: np.where(mask, network(np.where(mask, image, CLEAN[:1])), 0)  # noqa: E731
    noise = noise_of(np.where(mask, noisy, 0), denoise=lambda image: clean_there(image).astype(np.float32))
    assert noise.level == pytest.approx(25, rel=0.04)


def test_clipped_areas_do_not_lower_the_level_and_are_told():
    """Where half of the samples are white, half of the noise is missing."""
    clean = np.linspace(0.3, 1, SIDE)[:, None] * np.ones((1, SIDE, SIDE))
    noisy = np.clip(clean + 0.1 * WHITE[:1], 0, 1)
    noise = noise_of(noisy, limits=(0, 1))
    assert noise.level == pytest.approx(25.5, rel=0.02)
    assert noise.clipped == pytest.approx(np.mean((noisy == 1) | (noisy == 0)), abs=0.01)
    assert noise_of(noisy).level < 0.97 * noise.level


def test_too_much_clipping_gives_no_psnr():
    """With more than a tenth of the samples at the ends."""
    much, less = (noise_of(np.clip(0.5 + sigma * WHITE[:1], 0, 1), limits=(0, 1)) for sigma in (0.35, 0.25))
    assert 0.05 > less.clipped > 0
    assert less.psnr_db is not None
    assert 0.18 > much.clipped > 0.12
    assert (much.psnr_db, much.psnr_withheld) == (None, "too many samples are clipped")


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 4000), (3, 5, 700), (1, 12, 12)])
def test_a_small_image_says_that_it_is_too_small(shape):
    """A level, no kind, no PSNR."""
    noise = noise_of(0.5 + 0.1 * RANDOM.standard_normal(shape), denoise=lambda image: image / 2)
    assert (noise.kind, noise.white, noise.psnr_withheld) == ("unknown", None, "too few samples")


def test_frames_add_up_to_one_statement():
    """Two frames of different scale, one statement; a flat one says nothing about brightness."""
    one, other = measure(CLEAN + 0.1 * WHITE), measure((CLEAN + 0.1 * WHITE) / 4, scale=4)
    flat = measure(0.5 + 0.1 * WHITE)
    alone, both = one.noise_of(white=1), (one + other).noise_of(white=1)
    assert both.level == pytest.approx(alone.level, rel=1e-3)
    assert both.psnr_db == pytest.approx(alone.psnr_db, abs=0.05)
    assert replace(both, level=0, psnr_db=0) == replace(
        alone,
        level=0,
        psnr_db=0,
        neighbor_correlation=pytest.approx(alone.neighbor_correlation),
        channel_correlation=pytest.approx(alone.channel_correlation),
        brightness_dependence=pytest.approx(alone.brightness_dependence),
    )
    assert flat.noise_of(white=1).brightness_dependence is None
    assert (one + flat).noise_of(white=1).brightness_dependence == pytest.approx(alone.brightness_dependence)


@pytest.mark.parametrize("scale", [1e-30, 1e200])
def test_no_unit_is_too_small_or_too_large(scale):
    """Sums of squares stay in range."""
    noise = measure(CLEAN + 0.1 * WHITE, scale=scale).noise_of(white=scale)
    assert noise.level == pytest.approx(25.5, rel=0.01)
    assert noise.psnr_db == pytest.approx(noise_of(CLEAN + 0.1 * WHITE).psnr_db)


def test_levels_have_three_digits():
    """Small ones too, and large ones no exponent."""
    assert [digits(each) for each in (24.831, 0.0041234, 1203.4, 100.4)] == ["24.8", "0.00412", "1203", "100"]
