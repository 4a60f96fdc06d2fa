"""A small U-Net (Ronneberger et al., "U-Net", 2015) as Mohan et al. (ICLR 2020, appendix A.3) adapted it.

It has two scales instead of five: dilated convolutions at half the resolution replace the others.
"""

import torch
from torch import nn
from torch.nn import functional as F

from biasfree.architectures.network import Network

STRIDE = 2
#: Dilations of the convolutions at half the resolution, after the one that leads there.
DILATIONS = (1, 2, 4)


class UNet(Network):
    """A U-Net of nine convolutions and one skip, whose output is the image, not the noise.

    Args:
        channels: Image channels C.
        width: Feature channels at full resolution; at half resolution twice as many.
        bias: Give every convolution but the last an additive constant.
    """

    def __init__(self, *, channels: int = 1, width: int = 32, bias: bool = False) -> None:
        super().__init__()
        self.arguments = {"channels": channels, "width": width, "bias": bias}
        deep = 2 * width
        self.head = nn.Conv2d(channels, width, 5, padding=2, bias=bias)
        self.skip = nn.Conv2d(width, width, 3, padding=1, bias=bias)
        self.down = nn.Conv2d(width, deep, 3, stride=STRIDE, padding=1, bias=bias)
        self.deep = nn.ModuleList(
            nn.Conv2d(deep, deep, 3, padding=dilation, dilation=dilation, bias=bias) for dilation in DILATIONS
        )
        self.up = nn.ConvTranspose2d(deep, deep, 4, stride=STRIDE, padding=1, bias=bias)
        self.join = nn.Conv2d(deep + width, width, 3, padding=1, bias=bias)
        self.tail = nn.Conv2d(width, channels, 5, padding=2, bias=False)

    @property
    def stride(self) -> int:
        """Return the stride in pixels: the side of one cell of the lower scale."""
        return STRIDE

    @property
    def receptive_radius(self) -> int:
        """Return the radius in pixels, traced from the output back through ``tail``, ``join``, ``up`` and ``deep``."""
        behind = 2 + 1
        # An even row of ``up`` uses the cell that begins two pixels before it, and no cell that begins after it.
        up = 2
        deep = STRIDE * sum(DILATIONS)
        before = 1 + 1 + 2
        return behind + up + deep + before

    @property
    def macs_per_pixel(self) -> float:
        """Return the multiply-adds per image pixel; all kernels at half the resolution count a quarter."""
        whole = (self.head, self.skip, self.join, self.tail)
        half = (self.down, *self.deep, self.up)
        count = sum(layer.weight.numel() for layer in whole)
        return float(count + sum(layer.weight.numel() for layer in half) / STRIDE**2)

    def forward(self, noisy: torch.Tensor) -> torch.Tensor:
        """Denoise (B, C, H, W) of any H, W; pad odd sides with a row or column of zeros, and crop it again."""
        height, width = noisy.shape[-2:]
        padded = F.pad(noisy, (0, -width % STRIDE, 0, -height % STRIDE))
        skipped = F.relu(self.skip(F.relu(self.head(padded))))
        features = F.relu(self.down(skipped))
        for convolution in self.deep:
            features = F.relu(convolution(features))
        features = F.relu(self.up(features))
        joined = F.relu(self.join(torch.cat([features, skipped], dim=1)))
        denoised: torch.Tensor = self.tail(joined)
        return denoised[..., :height, :width]
