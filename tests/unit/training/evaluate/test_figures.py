"""Figures of photographs."""

import numpy as np
from PIL import Image

from tests.unit.training.evaluate.test_evaluate import write_model
from tests.unit.training.fit.runs import write_photographs
from training.evaluate.figures import DPI, PANEL_IN, illustrate


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
