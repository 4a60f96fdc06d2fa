"""What every architecture tells about itself beside ``forward``."""

from abc import abstractmethod
from typing import Any

import torch
from torch import nn


class Network(nn.Module):
    """A blind denoiser: one image batch in, one of the same shape out.

    With ``bias=False`` the map is homogeneous of degree 1 in evaluation mode, ``f(a y) = a f(y)`` for a > 0
    (Mohan et al., ICLR 2020, section 4), so the scale of the intensities is free.
    """

    #: Constructor arguments, enough to build the same network again: ``type(net)(**net.arguments)``.
    arguments: dict[str, Any]

    @property
    @abstractmethod
    def receptive_radius(self) -> int:
        """Pixels: output ``p`` depends on no input further than this from ``p`` along either axis."""

    @property
    @abstractmethod
    def stride(self) -> int:
        """Pixels: the network commutes with shifts by multiples of this, and only those."""

    @property
    @abstractmethod
    def macs_per_pixel(self) -> float:
        """Multiply-adds of the convolutions for each pixel of the image (all channels together)."""

    @abstractmethod
    def forward(self, noisy: torch.Tensor) -> torch.Tensor:
        """Denoise a batch.

        Args:
            noisy: (B, C, H, W), floating point, any range, H and W >= 1.

        Returns:
            Denoised batch, same shape, dtype and range, not clipped.
        """

    def folded(self) -> "Network":
        """The same evaluation-mode map with every normalisation folded into the convolution before it."""
        return self

    @property
    def parameter_count(self) -> int:
        """Trained scalars."""
        return sum(parameter.numel() for parameter in self.parameters())
