"""A chain of seven convolutions, repeated by the recurrent network and chained by the simplified DenseNet."""

import torch
from torch import nn
from torch.nn import functional as F

#: Convolutions between the first and the last (Mohan et al., ICLR 2020, appendix A.2 and A.4).
HIDDEN = 5


class Stage(nn.Module):
    """A chain of 3x3 convolutions with ReLU between and none after the last.

    Args:
        inputs: Input channels.
        outputs: Output channels.
        width: Feature channels.
        bias: Give every convolution but the last an additive constant.
        last_bias: Give the last one a constant as well.
    """

    def __init__(self, inputs: int, outputs: int, *, width: int, bias: bool, last_bias: bool) -> None:
        super().__init__()
        self.head = nn.Conv2d(inputs, width, 3, padding=1, bias=bias)
        self.hidden = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1, bias=bias) for _ in range(HIDDEN))
        self.tail = nn.Conv2d(width, outputs, 3, padding=1, bias=last_bias)

    @property
    def radius(self) -> int:
        """Return the radius in pixels: one per convolution."""
        return HIDDEN + 2

    @property
    def macs_per_pixel(self) -> int:
        """Return the multiply-adds per pixel: the sum of the kernels' sizes."""
        return sum(kernel.numel() for name, kernel in self.named_parameters() if name.endswith("weight"))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H, W)."""
        features = F.relu(self.head(features))
        for convolution in self.hidden:
            features = F.relu(convolution(features))
        result: torch.Tensor = self.tail(features)
        return result
