"""Reproducible noise at any depth."""

import os

import numpy as np
import pytest
from PIL import Image

from biasfree_client._files import read
from biasfree_client.cli.noise import Noise, Writing, add_noise
from biasfree_client.cli.sources import Selection
from training.evaluate import metrics

GRAY = np.tile(np.linspace(20, 235, 64).astype(np.uint8), (64, 1))
COLOR = np.dstack([GRAY, GRAY.T, GRAY])


@pytest.mark.parametrize("clean", [GRAY, COLOR], ids=["gray", "color"])
def test_the_noise_agrees_with_the_evaluation_of_the_models(clean):
    """Seed, level and index give the same numbers as the evaluation of the models."""
    unit = (clean / 255).astype(np.float32)
    expected = metrics.add_noise(unit.reshape(64, 64, -1), sigma_255=25, index=3).reshape(clean.shape)
    noisy = Noise(25, as_float=True).added_to(clean, index=3)
    assert noisy.dtype == np.float32
    np.testing.assert_allclose(noisy, expected, atol=1e-6)


@pytest.mark.parametrize(("dtype", "white"), [("uint8", 255), ("uint16", 65535), ("int16", 32767), ("float32", 1)])
def test_every_type_keeps_its_range(dtype, white):
    """Sigma is on the 0-255 scale for all types; integers are rounded and clipped, floats are not."""
    clean = (np.full((256, 256), 0.5) * white).astype(dtype)
    noisy = Noise(25).added_to(clean, index=0)
    assert noisy.dtype == clean.dtype
    assert np.std(noisy.astype(float)) / white * 255 == pytest.approx(25, rel=0.02)
    strong = Noise(200).added_to(clean, index=0)
    assert (strong.max() > white) == (dtype == "float32")


def test_the_bit_depth_determines_white():
    """12-bit data in 16-bit integers get noise for their own white."""
    noisy = Noise(25, bit_depth=12).added_to(np.full((64, 64), 2048, np.uint16), index=0)
    assert np.std(noisy.astype(float)) / 4095 * 255 == pytest.approx(25, rel=0.05)
    assert Noise(255, bit_depth=12).added_to(noisy, index=0).max() == 4095


def test_alpha_stays_as_it_was():
    """No noise is added to alpha."""
    clean = np.dstack([COLOR, GRAY])
    noisy = Noise(25).added_to(clean, index=0, alpha=True)
    np.testing.assert_array_equal(noisy[..., 3], GRAY)
    assert (noisy[..., :3] != COLOR).mean() > 0.9


def test_the_seed_determines_the_noise():
    """The same arguments give the same noise; another seed or index gives another."""

    def noisy(seed=0, index=0, sigma=25):
        return Noise(sigma, seed).added_to(GRAY, index=index)

    np.testing.assert_array_equal(noisy(), noisy())
    for other in (noisy(seed=1), noisy(index=1)):
        assert (other != noisy()).mean() > 0.5


def test_a_jpeg_becomes_a_png(tmp_path, capfd):
    """PNG keeps the noise, which JPEG would remove."""
    Image.fromarray(GRAY).save(tmp_path / "a.jpg")
    Image.fromarray(COLOR).save(tmp_path / "b.png")
    (tmp_path / "c.png").write_bytes(b"no image")
    succeeded = add_noise(Selection([str(tmp_path)]), Noise(25), Writing(str(tmp_path / "out")))
    assert not succeeded
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "b.png"]
    assert "2 made noisy, 1 failed" in capfd.readouterr().err
    np.testing.assert_array_equal(read((tmp_path / "out" / "b.png").read_bytes()), Noise(25).added_to(COLOR, index=1))


def test_an_image_that_changed_gets_its_noise_again(tmp_path, capfd):
    """An unchanged one is compared, as before."""
    image, result = tmp_path / "a.png", tmp_path / "out" / "a.png"
    for pixels, date, end in (
        (GRAY, 100, "1 made noisy"),
        (GRAY, 100, "1 skipped"),
        (GRAY.T, 2**32, "1 of them again"),
    ):
        Image.fromarray(pixels).save(image)
        os.utime(image, (date, date))
        assert add_noise(Selection([str(image)]), Noise(25), Writing(f"{tmp_path}/out/"))
        assert end in capfd.readouterr().err
        np.testing.assert_array_equal(read(result.read_bytes()), Noise(25).added_to(pixels, index=0))
