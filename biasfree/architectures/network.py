"""The interface of every architecture."""

from abc import abstractmethod
from typing import Any

import torch
from torch import nn


class Network(nn.Module):
    """A blind denoiser: it maps a batch of images to one of the same shape.

    With ``bias=False`` the map is homogeneous of degree 1 in evaluation mode, ``f(a y) = a f(y)`` for a > 0
    (Mohan et al., ICLR 2020, section 4), so the scale of the intensities is free.
    """

    #: Constructor arguments, which build the same network again: ``type(net)(**net.arguments)``.
    arguments: dict[str, Any]

    @property
    @abstractmethod
    def receptive_radius(self) -> int:
        """Return the radius in pixels: no output depends on an input further away than this along either axis."""

    @property
    @abstractmethod
    def stride(self) -> int:
        """Return the stride in pixels: the network commutes only with shifts by multiples of it."""

    @property
    @abstractmethod
    def macs_per_pixel(self) -> float:
        """Return the multiply-adds of the convolutions per pixel of the image (all channels together)."""

    @abstractmethod
    def forward(self, noisy: torch.Tensor) -> torch.Tensor:
        """Denoise a batch.

        Args:
            noisy: (B, C, H, W), floating point, any range, H and W >= 1.

        Returns:
            Denoised batch, same shape, dtype and range, not clipped.
        """

    def folded(self) -> "Network":
        """Return the same evaluation-mode map with every normalization folded into the convolution before it."""
        return self

    @property
    def parameter_count(self) -> int:
        """Return the number of trained scalars."""
        return sum(parameter.numel() for parameter in self.parameters())
