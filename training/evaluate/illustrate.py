"""``illustrate``: a photograph clean, with noise, and denoised, as one picture."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from training.data.images import read_image
from training.evaluate.metrics import add_noise, psnr_db
from training.evaluate.onnx_model import OnnxDenoiser

#: Inches of one panel's width, and dots per inch: three panels make a picture for a README.
PANEL_IN, DPI = 4.0, 110


def illustrate(model: Path, image: Path, output: Path, *, sigma_255: float) -> None:
    """Draw the three panels with their PSNR.

    Args:
        model: A model file.
        image: A clean photograph.
        output: The PNG to write.
        sigma_255: Noise standard deviation, 0-255 scale.

    Raises:
        ValueError: ``model`` is no model.
    """
    denoiser = OnnxDenoiser(model)
    clean = read_image(image, channels=denoiser.channels).unit
    noisy = add_noise(clean, sigma_255=sigma_255, index=0)
    denoised = denoiser(noisy)
    panels = {
        "clean": clean,
        f"noise of sigma {sigma_255:g}: {psnr_db(clean, noisy):.1f} dB": noisy,
        f"denoised, blind: {psnr_db(clean, denoised):.1f} dB": denoised,
    }
    height = PANEL_IN * clean.shape[0] / clean.shape[1] + 0.4
    figure = Figure(figsize=(3 * PANEL_IN, height), layout="constrained")
    for axis, (title, pixels) in zip(figure.subplots(1, 3), panels.items(), strict=True):
        axis.imshow(np.clip(pixels, 0, 1).squeeze(), cmap="gray", vmin=0, vmax=1)
        axis.set_title(title)
        axis.set_axis_off()
    figure.savefig(output, dpi=DPI)
