"""The quick measurement of a network while it trains: images kept out of training, and the PSNR on them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from training.data.images import NamedImage, read_folder
from training.data.overlap import overlapping
from training.evaluate.metrics import FloatImage, add_noise, psnr_db

#: Number of images held out of training if no validation folder is given.
HELD_OUT = 8
#: Noise level of the measurement, 0-255 scale.
SIGMA_255 = 25.0
#: Side of the central crops in pixels, small enough for a measurement to take seconds.
SIDE = 256


def split(images: Path, validation: Path | None, *, channels: int) -> tuple[list[NamedImage], list[NamedImage]]:
    """Read the images to train on and the images to measure on.

    Training images that are also in the validation set, or show a part of one of its images, are left out.

    Args:
        images: Folder of photographs.
        validation: Folder to measure on; if None, some of ``images`` are held out.
        channels: 1 reads gray, 3 reads RGB.

    Raises:
        ValueError: A folder has no images.
    """
    everything = read_folder(images, channels=channels)
    if validation is None:
        every = max(2, len(everything) // HELD_OUT)
        measured = everything[::every]
    else:
        measured = read_folder(validation, channels=channels)
    left_out = {image.sha256 for image in [*measured, *overlapping(everything, measured)]}
    return [image for image in everything if image.sha256 not in left_out], measured


class Validation:
    """A measurement of the mean PSNR over central crops at ``SIGMA_255``.

    Args:
        images: Photographs that are not trained on.
        device: Device that runs the network.
    """

    def __init__(self, images: Sequence[NamedImage], *, device: torch.device) -> None:
        self._clean = [_center(image.unit) for image in images]
        self._device = device

    @torch.no_grad()
    def __call__(self, network: nn.Module) -> float:
        """Measure the PSNR of a network in dB and restore the network's mode."""
        was_training = network.training
        network.eval()
        values = [self._psnr_db(network, clean, index) for index, clean in enumerate(self._clean)]
        network.train(was_training)
        return float(np.mean(values))

    def _psnr_db(self, network: nn.Module, clean: FloatImage, index: int) -> float:
        noisy = torch.from_numpy(add_noise(clean, sigma_255=SIGMA_255, index=index)).to(self._device)
        denoised = network(noisy.permute(2, 0, 1)[None])[0].permute(1, 2, 0)
        return psnr_db(clean, denoised.cpu().numpy())


def _center(image: FloatImage) -> FloatImage:
    top, left = (max(0, side - SIDE) // 2 for side in image.shape[:2])
    return image[top : top + SIDE, left : left + SIDE]
