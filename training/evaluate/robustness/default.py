"""What the service does where no model is named: the network for any noise, or that for white noise."""

import numpy as np

from biasfree.choice import is_correlated, is_white
from training.evaluate.metrics import FloatImage
from training.evaluate.scores import Denoiser


class DefaultDenoiser:
    """Chooses as the service does.

    Args:
        any_noise: The network for any noise.
        white: The network for white noise.

    """

    def __init__(self, any_noise: Denoiser, white: Denoiser) -> None:
        self._any_noise, self._white = any_noise, white
        self._chosen: list[bool] = []

    def __call__(self, noisy: FloatImage, /) -> FloatImage:
        """Denoise (H, W, C) float32."""
        denoised = self._any_noise(noisy)
        if is_correlated(_planes(noisy), _planes(denoised)):
            self._chosen.append(False)
            return denoised
        by_white = self._white(noisy)
        white = is_white(_planes(noisy), _planes(denoised), _planes(by_white))
        self._chosen.append(white)
        return by_white if white else denoised

    def taken(self) -> str:
        """Say for how many images since the last call the network for white noise was chosen."""
        counted = f"{sum(self._chosen)} of {len(self._chosen)}"
        self._chosen.clear()
        return counted


def _planes(image: FloatImage) -> FloatImage:
    return np.ascontiguousarray(image.transpose(2, 0, 1))
