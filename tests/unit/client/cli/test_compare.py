"""PSNR and SSIM of two images."""

import math

import numpy as np
import pytest
from PIL import Image

from biasfree_client import UnsupportedImage
from biasfree_client.cli.compare import compare, compare_images
from training.evaluate import metrics

CLEAN = np.tile(np.linspace(0.1, 0.9, 48), (32, 1)).astype(np.float32)
NOISY = (CLEAN + 0.2 * np.random.default_rng(0).standard_normal(CLEAN.shape)).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_numbers_agree_with_the_evaluation_of_the_models(channels):
    """Both agree with the evaluation of the models, which clamps the noisy image."""
    clean, noisy = (np.repeat(each[..., np.newaxis], channels, axis=2) for each in (CLEAN, NOISY))
    found = compare_images(clean.squeeze(), noisy.squeeze())
    assert found.psnr_db == pytest.approx(metrics.psnr_db(clean, noisy), abs=1e-6)
    assert found.ssim == pytest.approx(metrics.ssim(clean, noisy), abs=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_stack_is_compared_page_by_page(channels):
    """The SSIM is the mean over the pages; neither pages nor columns are taken for channels."""
    clean, noisy = (np.repeat(each[..., np.newaxis], channels, axis=2).squeeze() for each in (CLEAN, NOISY))
    pages = [noisy, clean, (noisy + clean) / 2] * 3
    found = compare_images(np.stack([clean] * 9), np.stack(pages))
    assert found.ssim == pytest.approx(np.mean([compare_images(clean, page).ssim for page in pages]))


def test_types_may_differ():
    """Each image is scaled by its own white."""
    sixteen, eight = np.rint(65535 * CLEAN).astype(np.uint16), np.rint(255 * CLEAN).astype(np.uint8)
    assert compare_images(sixteen, eight).psnr_db > 55
    floats = CLEAN.astype(np.float64) * 4095
    assert compare_images(floats, np.rint(floats).astype(np.uint16), bit_depth=12).psnr_db > 80


def test_identical_images_have_an_infinite_psnr():
    """The PSNR is infinite, and an image below 7 x 7 has no SSIM."""
    assert compare_images(CLEAN, CLEAN).psnr_db == math.inf
    assert compare_images(CLEAN, CLEAN).ssim == pytest.approx(1)
    assert compare_images(CLEAN[:6], CLEAN[:6]).ssim is None


def test_images_of_two_sizes_are_not_compared():
    """The error names both shapes."""
    with pytest.raises(UnsupportedImage, match=r"\(32, 48\) and \(31, 48\)"):
        compare_images(CLEAN, CLEAN[1:])


@pytest.mark.parametrize("place", [0, 1])
def test_the_file_that_is_not_an_image_is_named(tmp_path, place):
    """The error says which of the two files is damaged."""
    files = [tmp_path / "a.png", tmp_path / "b.png"]
    for file in files:
        Image.fromarray(np.rint(255 * CLEAN).astype(np.uint8)).save(file)
    files[place].write_bytes(b"junk")
    with pytest.raises(UnsupportedImage, match=files[place].name):
        compare(*files, bit_depth=None, as_json=False)
