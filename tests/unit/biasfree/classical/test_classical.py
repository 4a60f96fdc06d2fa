"""Laws that every classical denoiser keeps."""

import importlib.util
import pickle
import subprocess
import sys
import warnings
from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
import skimage.data

from biasfree.classical import METHODS, ClassicalUnavailable, load
from biasfree.classical.denoiser import noise_level
from biasfree.classical.work import ClassicalTask, carry_out

every_method = pytest.mark.parametrize("name", METHODS)
SIGMA = 25 / 255


@pytest.fixture(autouse=True)
def _no_warnings() -> Iterator[None]:
    """Divisions by zero and transforms that are too deep would be seen by every user."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ResourceWarning)  # of another test, whose garbage is collected here
        yield


def photograph(channels: int, side: int = 128) -> np.ndarray:
    """A clean corner (H, W, C) float32 in [0, 1]."""
    image = skimage.data.camera()[..., None] if channels == 1 else skimage.data.astronaut()
    return (image[60 : 60 + side, 180 : 180 + side] / 255).astype(np.float32)


def noisy_photograph(channels: int, *, sigma: float = SIGMA) -> np.ndarray:
    """The same with noise."""
    clean = photograph(channels)
    return (clean + sigma * np.random.default_rng(0).standard_normal(clean.shape)).astype(np.float32)


def psnr_db(clean: np.ndarray, image: np.ndarray) -> float:
    """For a data range of 1."""
    return float(-10 * np.log10(np.mean((clean - image) ** 2)))


@every_method
@pytest.mark.parametrize("channels", [1, 3])
def test_noise_is_removed(name: str, channels: int) -> None:
    """By several decibels; the level is found out, and told it is no worse than by a little."""
    clean, noisy = photograph(channels), noisy_photograph(channels)
    blind = psnr_db(clean, load(name)(noisy))
    told = psnr_db(clean, load(name, sigma=SIGMA)(noisy))
    assert blind > psnr_db(clean, noisy) + 4
    assert told > psnr_db(clean, noisy) + 4


@every_method
def test_colours_together_are_better_than_each_alone(name: str) -> None:
    """What the planes of a photograph have in common is put into one."""
    clean, noisy = photograph(3), noisy_photograph(3)
    alone = np.concatenate([load(name)(noisy[..., index : index + 1]) for index in range(3)], axis=-1)
    assert psnr_db(clean, load(name)(noisy)) > psnr_db(clean, alone)


@cache
def unscaled(name: str, channels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A noisy image, and what a denoiser makes of it, blind and told the level."""
    noisy = noisy_photograph(channels)[:45, :50]
    return noisy, load(name)(noisy), load(name, sigma=SIGMA)(noisy)


@every_method
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("a", [1e-20, 255.0, 4095.0, 1e30])
def test_scaling_the_input_scales_the_output(name: str, channels: int, a: float) -> None:
    """f(a y) = a f(y): 8 bits, 16 bits and floats of any range are the same image."""
    noisy, expected, told = unscaled(name, channels)
    scaled = load(name)(noisy * np.float32(a)) / np.float32(a)
    # Where a curve bends, rounding decides on which side a value is; on the whole it does not show.
    assert np.linalg.norm(scaled - expected) <= 1e-4 * np.linalg.norm(expected)
    known = load(name, sigma=SIGMA * a)(noisy * np.float32(a)) / np.float32(a)
    assert np.linalg.norm(known - told) <= 1e-4 * np.linalg.norm(told)


@every_method
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 2), (33, 31), (64, 37)], ids=str)
def test_any_size_comes_back_as_it_was(name: str, channels: int, size: tuple[int, int]) -> None:
    """Odd ones and a single pixel too, finite, as float32."""
    noisy = np.random.default_rng(1).random((*size, channels), np.float32)
    denoised = load(name)(noisy)
    assert denoised.shape == noisy.shape
    assert denoised.dtype == np.float32
    assert np.isfinite(denoised).all()


@every_method
@pytest.mark.parametrize("value", [0.0, 0.3, -7.0])
def test_a_constant_is_left_alone(name: str, value: float) -> None:
    """There is no noise in it, and nothing is divided by that."""
    flat = np.full((40, 50, 3), value, np.float32)
    np.testing.assert_allclose(load(name)(flat), flat, rtol=1e-5)


@every_method
def test_the_input_is_not_changed(name: str) -> None:
    """Neither is what a second call gives: nothing is kept."""
    noisy = noisy_photograph(1)
    before, denoiser = noisy.copy(), load(name)
    first = denoiser(noisy)
    assert np.array_equal(noisy, before)
    assert np.array_equal(denoiser(noisy), first)


@pytest.mark.parametrize("sigma_255", [5, 25, 100])
def test_the_noise_level_is_found(sigma_255: float) -> None:
    """Within a tenth and what texture adds, also where one image in three has another scale."""
    for scale in (1, 255):
        level = noise_level(noisy_photograph(1, sigma=sigma_255 / 255)[..., 0] * np.float32(scale)) / scale * 255
        assert 0.9 * sigma_255 <= level <= 1.1 * sigma_255 + 2
    assert load("wiener").level(noisy_photograph(3, sigma=sigma_255 / 255)) * 255 == pytest.approx(sigma_255, rel=0.25)


def test_a_task_gives_what_the_denoiser_gives_channels_first() -> None:
    """Through a pickle, as between processes."""
    noisy = [noisy_photograph(3), noisy_photograph(1)[:50]]
    task = ClassicalTask("wavelet-bayes", [image.transpose(2, 0, 1) for image in noisy], levels=True)
    result = pickle.loads(pickle.dumps(carry_out(pickle.loads(pickle.dumps(task)))))
    for image, denoised, level in zip(noisy, result.denoised, result.levels, strict=True):
        assert np.array_equal(denoised, load("wavelet-bayes")(image).transpose(2, 0, 1))
        assert level == load("wavelet-bayes").level(image)


def test_an_unknown_name_is_refused_with_those_that_exist() -> None:
    """One sentence."""
    with pytest.raises(ValueError, match=r"no classical denoiser 'bm3d': choose one of wiener, "):
        load("bm3d")


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyWavelets is not there."""
    found = importlib.util.find_spec
    monkeypatch.setattr("biasfree.classical.find_spec", lambda name: None if name == "pywt" else found(name))
    with pytest.raises(ClassicalUnavailable, match=r"pip install '\.\[classical\]'"):
        load("wavelet-bayes")


def test_names_are_known_without_importing_what_is_behind_them() -> None:
    """The service lists them."""
    heavy = {"pywt", "scipy", "skimage", "torch", "onnxruntime", "numpy"}
    code = f"import sys, biasfree.classical.work as w; print(w.load.__module__, *({heavy} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert shown.split() == ["biasfree.classical"]
