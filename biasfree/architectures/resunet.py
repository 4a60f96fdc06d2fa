"""A small residual U-Net on pixel-unshuffled input: the architecture of the served models.

Its parts come from DRUNet (Zhang et al., "Plug-and-play image restoration with deep denoiser prior", 2021) without the
noise map: residual blocks of two 3x3 convolutions (EDSR, Lim et al. 2017), 2x2 strided convolutions between scales and
additive skips. Pixel-unshuffling (FFDNet, Zhang et al. 2018) puts the first scale at half the resolution. There is no
normalization: the residual blocks, whose second convolution starts at zero, train without it.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import nn
from torch.nn import functional as F

from biasfree.architectures.network import Network
from biasfree.architectures.outliers import REACH, clip_outliers
from biasfree.tiling import round_up

UNSHUFFLE = 2


class ResidualBlock(nn.Module):
    """The block ``x + conv(relu(conv(x)))``, initially the identity; the ReLU is leaky if ``slope`` is not 0."""

    def __init__(self, width: int, *, slope: float, bias: bool) -> None:
        super().__init__()
        self._slope = slope
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=bias)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=bias)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map features (B, width, H, W) to the same shape."""
        inner = self.conv1(features)
        rectified = F.leaky_relu(inner, self._slope) if self._slope else F.relu(inner)
        update: torch.Tensor = self.conv2(rectified)
        return features + update


class ZeroMeanConv2d(nn.Conv2d):
    """A convolution that ignores constants: the weights for each image channel sum to zero.

    The trained kernel is unconstrained; its mean is subtracted on every use.
    """

    def __init__(self, channels: int, width: int, *, bias: bool) -> None:
        super().__init__(channels * UNSHUFFLE**2, width, 3, bias=bias)
        self._channels = channels

    def kernel(self) -> torch.Tensor:
        """Return the effective weights, (width, C * UNSHUFFLE^2, 3, 3)."""
        of_channel = self.weight.reshape(len(self.weight), self._channels, -1)
        return (of_channel - of_channel.mean(dim=2, keepdim=True)).reshape(self.weight.shape)

    def forward(self, unshuffled: torch.Tensor) -> torch.Tensor:
        """Map (B, C * UNSHUFFLE^2, H + 2, W + 2) to (B, width, H, W)."""
        return F.conv2d(unshuffled, self.kernel(), self.bias)


class ResUNet(Network):
    """A residual U-Net whose output is ``y - net(y)``.

    Args:
        channels: Image channels C, 1 for gray, 3 for RGB.
        widths: Feature channels per scale, from half the image's resolution, halved at each further scale.
        blocks: Residual blocks per scale on the way down, and again on the way up.
        bottom_blocks: Residual blocks of the lowest scale.
        slope: Slope of the ReLUs below 0. Features carry the image's mean, which is positive everywhere, so a ReLU can
            be off at every place of every image. No gradient then turns it on again, unless it has a slope.
        head: Treatment of the border and of constants by the first convolution. ``"zeros"`` pads the image with zeros.
            ``"replicate"`` repeats the image's border. ``"zero-mean"`` does so too, and its kernels sum to zero, so
            that ``f(y + c) = f(y) + c`` for every constant c, and brightness decides the sign of no feature.
        clip_outliers: Estimate the noise from the image with isolated outliers clipped (``outliers.clip_outliers``).
            The outliers themselves stay in the output, as they may be stars, but do not disturb their surroundings.
        bias: Give every convolution an additive constant (the comparison of the paper, never served).
    """

    def __init__(
        self,
        *,
        channels: int = 1,
        widths: Sequence[int] = (32, 64, 128),
        blocks: int = 2,
        bottom_blocks: int = 4,
        slope: float = 0.0,
        head: Literal["zeros", "replicate", "zero-mean"] = "zeros",
        clip_outliers: bool = False,
        bias: bool = False,
    ) -> None:
        super().__init__()
        self.arguments = {
            "channels": channels,
            "widths": list(widths),
            "blocks": blocks,
            "bottom_blocks": bottom_blocks,
            "slope": slope,
            "head": head,
            "clip_outliers": clip_outliers,
            "bias": bias,
        }
        self._widths = tuple(widths)
        self._blocks, self._bottom_blocks = blocks, bottom_blocks
        self._clip_outliers = clip_outliers
        # Replicated pixels of a border: one cell of the first scale.
        self._border = 0 if head == "zeros" else UNSHUFFLE
        unshuffled = channels * UNSHUFFLE**2
        steps = list(zip(self._widths, self._widths[1:], strict=False))

        def stack(width: int, count: int) -> nn.Sequential:
            return nn.Sequential(*(ResidualBlock(width, slope=slope, bias=bias) for _ in range(count)))

        self.head = (
            ZeroMeanConv2d(channels, widths[0], bias=bias)
            if head == "zero-mean"
            else nn.Conv2d(unshuffled, widths[0], 3, padding=int(head == "zeros"), bias=bias)
        )
        self.encoders = nn.ModuleList(stack(wide, blocks) for wide, _ in steps)
        self.downs = nn.ModuleList(nn.Conv2d(wide, deep, 2, stride=2, bias=bias) for wide, deep in steps)
        self.bottom = stack(self._widths[-1], bottom_blocks)
        self.ups = nn.ModuleList(nn.ConvTranspose2d(deep, wide, 2, stride=2, bias=bias) for wide, deep in steps)
        self.decoders = nn.ModuleList(stack(wide, blocks) for wide, _ in steps)
        self.tail = nn.Conv2d(widths[0], unshuffled, 3, padding=1, bias=bias)
        nn.init.zeros_(self.tail.weight)

    @property
    def stride(self) -> int:
        """Return the stride in pixels: the side of one cell of the lowest scale."""
        return int(UNSHUFFLE ** len(self._widths))

    @property
    def receptive_radius(self) -> int:
        """Return the radius in pixels, traced from output to input and rounded up to whole cells at each scale."""
        cells: list[int] = [UNSHUFFLE ** (level + 1) for level in range(len(self._widths))]
        reach = cells[0]  # tail
        for cell in cells[:-1]:
            reach = round_up(reach, cell) + 2 * self._blocks * cell
        reach = round_up(reach, cells[-1]) + 2 * self._bottom_blocks * cells[-1]
        for cell in reversed(cells[:-1]):
            reach += 2 * self._blocks * cell
        reach += cells[0]  # head
        if self._clip_outliers:
            reach = round_up(reach, cells[-1]) + REACH * cells[-1]
        # The steps above hold for outputs on the borders of the lowest cells; a pixel inside a cell reaches as far as
        # the cell's border.
        return reach + cells[-1] - 1

    @property
    def macs_per_pixel(self) -> float:
        """Return the multiply-adds per image pixel: each kernel's size over the pixels that one output covers."""
        block = 2 * 9
        macs = 0.0
        for level, wide in enumerate(self._widths):
            pixels = 4 ** (level + 1)
            at_bottom = level == len(self._widths) - 1
            count = self._bottom_blocks if at_bottom else 2 * self._blocks
            macs += count * block * wide**2 / pixels
            if not at_bottom:
                # 2x2 down and up: each uses every fine position once.
                macs += 2 * wide * self._widths[level + 1] / pixels
        ends = self.head.weight.numel() + self.tail.weight.numel()
        return macs + ends / UNSHUFFLE**2

    def forward(self, noisy: torch.Tensor) -> torch.Tensor:
        """Denoise (B, C, H, W) of any H, W by mirroring it up to a multiple of ``stride`` and cropping the result.

        Mirrored noise is still noise. Replicated noise would be stripes, and the network would take the last rows for
        stripes.
        """
        height, width = noisy.shape[-2:]
        whole = torch.index_select(noisy, 2, self._mirrored(height))
        whole = torch.index_select(whole, 3, self._mirrored(width))
        if self._clip_outliers:
            whole = clip_outliers(whole, cell=self.stride)
        padded = F.pad(whole, (self._border,) * 4, mode="replicate")
        features = self.head(F.pixel_unshuffle(padded, UNSHUFFLE))
        skips = []
        for encoder, down in zip(self.encoders, self.downs, strict=True):
            features = encoder(features)
            skips.append(features)
            features = down(features)
        features = self.bottom(features)
        for up, decoder in zip(reversed(self.ups), reversed(self.decoders), strict=True):
            features = decoder(up(features) + skips.pop())
        noise = F.pixel_shuffle(self.tail(features), UNSHUFFLE)
        return noisy - noise[..., :height, :width]

    def _mirrored(self, side: int) -> torch.Tensor:
        """Return the source of each row of whole cells: 0 1 2 2 1 0 0 1 for a side of 3 (numpy calls it symmetric)."""
        there = torch.arange(side, device=self.tail.weight.device)
        # Even from a single row this many periods fill a cell.
        return torch.cat([there, there.flip(0)]).repeat(self.stride // 2)[: side + -side % self.stride]

    def folded(self) -> Network:
        """Return the same map with the effective kernel in the head."""
        if not isinstance(self.head, ZeroMeanConv2d):
            return self
        plain = ResUNet(**{**self.arguments, "head": "replicate"}).to(self.head.weight)
        plain.load_state_dict({**self.state_dict(), "head.weight": self.head.kernel()})
        return plain.eval()
