"""DnCNN (Zhang et al. 2017) without additive constants: the paper's BF-CNN."""

import torch
from torch import nn
from torch.nn import functional as F

from biasfree.architectures.network import Network
from biasfree.architectures.norm import BiasFreeBatchNorm2d


class DnCNN(Network):
    """A chain of ``depth`` 3x3 convolutions with normalization and ReLU between; the output is ``y - net(y)``.

    Layers as in Mohan et al. (ICLR 2020, appendix A.1): the first and the last convolution have no normalization.

    Args:
        channels: Image channels C.
        depth: Number of convolutions, all 3x3 with zero padding.
        width: Feature channels.
        normalise: Normalize the hidden layers: bias-free batch norm, or ordinary batch norm with ``bias=True``.
        bias: Give the convolutions and the normalization additive constants.
    """

    def __init__(
        self, *, channels: int = 1, depth: int = 20, width: int = 64, normalise: bool = True, bias: bool = False
    ) -> None:
        super().__init__()
        self.arguments = {
            "channels": channels,
            "depth": depth,
            "width": width,
            "normalise": normalise,
            "bias": bias,
        }
        hidden = range(depth - 2)
        self.head = nn.Conv2d(channels, width, 3, padding=1, bias=bias)
        self.hidden = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1, bias=bias) for _ in hidden)
        norm = nn.BatchNorm2d if bias else BiasFreeBatchNorm2d
        self.norms = nn.ModuleList(norm(width) if normalise else nn.Identity() for _ in hidden)
        self.tail = nn.Conv2d(width, channels, 3, padding=1, bias=bias)
        if not normalise:
            # Each layer preserves the scale of its input (He et al. 2015); with normalization this is not needed.
            for convolution in [self.head, *self.hidden]:
                nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")

    @property
    def stride(self) -> int:
        """Return 1: the network commutes with every shift."""
        return 1

    @property
    def receptive_radius(self) -> int:
        """Return the radius in pixels: one per 3x3 convolution."""
        return int(self.arguments["depth"])

    @property
    def macs_per_pixel(self) -> float:
        """Return the multiply-adds per pixel: every convolution runs at full resolution (normalization folds away)."""
        convolutions = [self.head, *self.hidden, self.tail]
        return float(sum(convolution.weight.numel() for convolution in convolutions))

    def forward(self, noisy: torch.Tensor) -> torch.Tensor:
        """Denoise (B, C, H, W)."""
        features = F.relu(self.head(noisy))
        for convolution, norm in zip(self.hidden, self.norms, strict=True):
            features = F.relu(norm(convolution(features)))
        noise: torch.Tensor = self.tail(features)
        return noisy - noise

    def folded(self) -> Network:
        """Return a copy without normalization layers, the same map in evaluation mode."""
        plain = DnCNN(**{**self.arguments, "normalise": False}).to(self.head.weight)
        state = {name: value for name, value in self.state_dict().items() if not name.startswith("norms.")}
        for index, norm in enumerate(self.norms):
            if isinstance(norm, nn.Identity):
                continue
            gain, shift = _affine(norm)
            key = f"hidden.{index}"
            state[f"{key}.weight"] = state[f"{key}.weight"] * gain[:, None, None, None]
            if shift is not None:
                state[f"{key}.bias"] = state[f"{key}.bias"] * gain + shift
        plain.load_state_dict(state)
        return plain.eval()


def _affine(norm: nn.Module) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return the gain and shift per channel that a normalization layer applies in evaluation mode."""
    if isinstance(norm, BiasFreeBatchNorm2d):
        return norm.gain(), None
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_var is not None
    assert norm.running_mean is not None
    gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return gain, norm.bias - norm.running_mean * gain
