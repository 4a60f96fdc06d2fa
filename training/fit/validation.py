"""A quick PSNR of a network while it trains."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from training.data.images import NamedImage
from training.evaluate.metrics import FloatImage, add_noise, psnr_db

#: Noise of the running measurement, 0-255 scale.
SIGMA_255 = 25.0
#: Central crops of this side, so that a measurement takes seconds.
SIDE = 256


class Validation:
    """Mean PSNR over central crops at ``SIGMA_255``.

    Args:
        images: Photographs that are not trained on.
        device: Where the network runs.
    """

    def __init__(self, images: Sequence[NamedImage], *, device: torch.device) -> None:
        self._clean = [_centre(image.unit) for image in images]
        self._device = device

    @torch.no_grad()
    def __call__(self, network: nn.Module) -> float:
        """PSNR in dB of a network, which is left in the mode it was in."""
        was_training = network.training
        network.eval()
        values = [self._psnr_db(network, clean, index) for index, clean in enumerate(self._clean)]
        network.train(was_training)
        return float(np.mean(values))

    def _psnr_db(self, network: nn.Module, clean: FloatImage, index: int) -> float:
        noisy = torch.from_numpy(add_noise(clean, sigma_255=SIGMA_255, index=index)).to(self._device)
        denoised = network(noisy.permute(2, 0, 1)[None])[0].permute(1, 2, 0)
        return psnr_db(clean, denoised.cpu().numpy())


def _centre(image: FloatImage) -> FloatImage:
    top, left = (max(0, side - SIDE) // 2 for side in image.shape[:2])
    return image[top : top + SIDE, left : left + SIDE]
