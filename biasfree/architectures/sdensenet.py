"""A simplified DenseNet: a chain of stages, each of which also receives the noisy image.

After DenseNet (Huang et al., "Densely connected convolutional networks", 2017) as Mohan et al. (ICLR 2020, appendix
A.4) adapted it: the unrolled recurrent network, with separate weights per stage and more channels between stages than
an image has.
"""

import torch
from torch import nn

from biasfree.architectures.network import Network
from biasfree.architectures.stage import Stage

#: Channels that a stage passes to the next.
HANDED_OVER = 5


class SimplifiedDenseNet(Network):
    """The chain ``h_1 = stage_1(y)``, ``h_t = stage_t(y, h_{t-1})``, whose last stage gives the image.

    Args:
        channels: Image channels C.
        stages: Number of stages, at least two.
        width: Feature channels.
        bias: Give every convolution but the very last an additive constant.
    """

    def __init__(self, *, channels: int = 1, stages: int = 4, width: int = 64, bias: bool = False) -> None:
        super().__init__()
        self.arguments = {"channels": channels, "stages": stages, "width": width, "bias": bias}
        self.stages = nn.ModuleList(
            Stage(
                channels if index == 0 else channels + HANDED_OVER,
                channels if index == stages - 1 else HANDED_OVER,
                width=width,
                bias=bias,
                last_bias=bias and index < stages - 1,
            )
            for index in range(stages)
        )

    @property
    def stride(self) -> int:
        """Return 1: the network commutes with every shift."""
        return 1

    @property
    def receptive_radius(self) -> int:
        """Return the radius in pixels: the sum over all stages."""
        return sum(stage.radius for stage in self._chain)

    @property
    def macs_per_pixel(self) -> float:
        """Return the multiply-adds per pixel."""
        return float(sum(stage.macs_per_pixel for stage in self._chain))

    @property
    def _chain(self) -> list[Stage]:
        return [stage for stage in self.stages if isinstance(stage, Stage)]

    def forward(self, noisy: torch.Tensor) -> torch.Tensor:
        """Denoise (B, C, H, W)."""
        first, *others = self.stages
        handed: torch.Tensor = first(noisy)
        for stage in others:
            handed = stage(torch.cat([noisy, handed], dim=1))
        return handed
