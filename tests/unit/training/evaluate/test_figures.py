"""Figures of photographs."""

import numpy as np
import pytest
from PIL import Image

from tests.unit.training.evaluate.test_evaluate import write_model
from tests.unit.training.fit.runs import write_photographs
from training.evaluate.figures import DPI, PANEL_IN, illustrate, illustrate_real


def test_a_photograph_is_drawn_clean_noisy_and_denoised(tmp_path):
    """Three panels side by side, the noisy one with the strongest differences between neighbors."""
    photographs = write_photographs(tmp_path, 1, side=64)
    model, output = write_model(tmp_path / "half.onnx", gain=0.5), tmp_path / "figure.png"
    illustrate(model, photographs / "0.png", output, sigma_255=100)
    with Image.open(output) as figure:
        pixels = np.asarray(figure.convert("L"), float)
    assert pixels.shape[1] == round(3 * PANEL_IN * DPI)
    clean, noisy, denoised = (np.abs(np.diff(panel, axis=1)).mean() for panel in np.split(pixels, 3, axis=1))
    assert noisy > denoised > clean


def test_a_noisy_photograph_is_drawn_as_it_came_and_denoised(tmp_path):
    """Two panels of the part that is named; the second is smoother, and no noise is added to the first."""
    values = 128 + 15 * np.random.default_rng(0).standard_normal((64, 80, 3))
    Image.fromarray(values.clip(0, 255).astype(np.uint8)).save(tmp_path / "noisy.png")
    illustrate_real(tmp_path / "noisy.png", tmp_path / "figure.png", box=(8, 8, 56, 40))
    with Image.open(tmp_path / "figure.png") as figure:
        pixels = np.asarray(figure.convert("L"), float)
    assert pixels.shape[1] == round(2 * PANEL_IN * DPI)
    noisy, denoised = (panel[100:300, 100:350].std() for panel in np.split(pixels, 2, axis=1))
    assert denoised < noisy / 4


def test_a_photograph_of_sixteen_bits_is_drawn_as_one_of_eight(tmp_path):
    """It is not white."""
    shallow = np.tile(np.arange(0, 240, 5, dtype=np.uint8), (32, 1))
    for name, pixels in (("8.png", shallow), ("16.png", shallow * np.uint16(257))):
        Image.fromarray(pixels).save(tmp_path / name)
        illustrate_real(tmp_path / name, tmp_path / f"figure-{name}")
    assert (tmp_path / "figure-8.png").read_bytes() == (tmp_path / "figure-16.png").read_bytes()


@pytest.mark.parametrize("box", [(0, 0, 25, 24), (-1, 0, 8, 8), (8, 0, 8, 8), (0, 9, 8, 8)])
def test_a_box_that_is_not_inside_the_image_is_refused(tmp_path, box):
    """The message has the size of the image."""
    photographs = write_photographs(tmp_path, 1)
    with pytest.raises(ValueError, match="inside the image of 24 x 24 pixels, not"):
        illustrate_real(photographs / "0.png", tmp_path / "figure.png", box=box)


@pytest.mark.parametrize("sigma_255", [-3, float("inf"), float("nan")])
def test_a_noise_level_that_is_none_is_refused(tmp_path, sigma_255):
    """Levels start at 0 and are finite."""
    with pytest.raises(ValueError, match="must be a number from 0 up, not"):
        illustrate("gray", tmp_path / "0.png", tmp_path / "figure.png", sigma_255=sigma_255)
