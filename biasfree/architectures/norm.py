"""Batch normalization without an additive constant (Mohan et al., ICLR 2020, section 4 and the released code)."""

import math

import torch
from torch import nn

#: Released code: gamma is drawn from N(0, 2 / (9 * 64)) and clipped to +-0.025.
GAMMA_STD = math.sqrt(2 / 9 / 64)
GAMMA_CLIP = 0.025


class BiasFreeBatchNorm2d(nn.Module):
    """Batch normalization that divides each channel by its standard deviation and scales it, without a shift.

    In training the deviation is that of the batch, so the map has degree 0. In evaluation it is a fixed gain, and the
    network is homogeneous of degree 1.

    Args:
        width: Feature channels.
        momentum: Weight of the newest batch in the running variance.
        eps: Added to the standard deviation (not to the variance, as ordinary batch norm does).
    """

    running_var: torch.Tensor

    def __init__(self, width: int, *, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.weight = nn.Parameter(torch.empty(width).normal_(0, GAMMA_STD).clamp_(-GAMMA_CLIP, GAMMA_CLIP))
        self.register_buffer("running_var", torch.ones(width))

    def gain(self) -> torch.Tensor:
        """Return the evaluation-mode gain of each channel, (width,)."""
        return self.weight / (self.running_var.sqrt() + self.eps)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Scale (B, width, H, W) channel by channel."""
        if not self.training:
            return features * self.gain()[:, None, None].to(features.dtype)
        variance = features.to(self.running_var.dtype).var(dim=(0, 2, 3), unbiased=False)
        with torch.no_grad():
            self.running_var.lerp_(variance, self.momentum)
        gain = self.weight / (variance.sqrt() + self.eps)
        return features * gain[:, None, None].to(features.dtype)
