"""The patches that are measured."""

import numpy as np
import pytest

from training.data.images import read_folder
from training.evaluate.metrics import add_noise
from training.reproduce.patches import NOISE_255, read_patches

SIDE = 10


def patches(folder, *, count=3, side=SIDE):
    """Read the middles of gray photographs."""
    return read_patches(folder, channels=1, count=count, side=side)


def test_a_patch_is_the_middle_of_its_photograph(photographs):
    """Margins may be odd, and the patch may be as large as the photograph."""
    pixels = read_folder(photographs, channels=1)[1].unit
    for side, middle in ((24, slice(0, 24)), (11, slice(6, 17))):
        patch = patches(photographs, side=side)[1]
        np.testing.assert_array_equal(patch.clean[0], pixels[middle, middle, 0])


def test_the_noise_is_that_of_evaluate_scaled(photographs):
    """At the reference level it is the same noise, and at ten times the level ten times that noise."""
    patch = patches(photographs)[2]
    noisy = add_noise(patch.photograph, sigma_255=NOISE_255, index=2)
    one, ten = (patch.noisy_photograph(level).numpy() for level in (NOISE_255, 10 * NOISE_255))
    np.testing.assert_allclose(one[0], noisy[..., 0], atol=1e-6)
    clean = patch.photograph[..., 0]
    np.testing.assert_allclose(ten[0] - clean, 10 * (one[0] - clean), atol=1e-5)
    np.testing.assert_array_equal(patch.noisy(NOISE_255)[0], one[0, 7:17, 7:17])


def test_a_photograph_smaller_than_its_patch_is_refused(photographs):
    """The message has its name and both sizes."""
    with pytest.raises(ValueError, match=r"0\.png has 24 x 24 pixels and is smaller than a patch of 25 x 25"):
        patches(photographs, side=25)
