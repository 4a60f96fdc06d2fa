"""Networks and noisy patches for the tests of the analysis, in float64."""

from functools import cache

import numpy as np
import skimage.data
import torch
from torch import nn
from torch.nn import functional as F

from biasfree import rebuild
from biasfree.architectures import DnCNN, Network, RecurrentCNN, ResUNet, SimplifiedDenseNet, UNet
from biasfree.artifact import SHIPPED, Artifact

#: Name -> channels.
CHANNELS = {
    "shipped gray": 1,
    "shipped color": 3,
    "untrained gray": 1,
    "untrained color": 3,
    "dncnn": 1,
    "dncnn with bias": 1,
    "resunet with bias": 1,
    "resunet, zero-mean head": 1,
    "resunet, silent channels": 1,
    "resunet, clips outliers": 1,
    "unet": 1,
    "unet with bias": 1,
    "unet, colour": 3,
    "rcnn": 1,
    "rcnn with bias": 1,
    "sdensenet": 1,
    "sdensenet with bias": 1,
    "leaky": 1,
}
BIAS_FREE = [name for name in CHANNELS if "bias" not in name]


@cache
def network(name: str) -> Network:
    """One of ``CHANNELS``, in evaluation mode, float64, its parameters frozen."""
    if name.startswith("shipped"):
        built = rebuild.network(Artifact.load(SHIPPED / f"{name.split()[1]}.onnx"))
    else:
        torch.manual_seed(0)
        built = _untrained(name)
    return built.double().eval().requires_grad_(False)


def noisy_patch(name: str, height: int, width: int) -> torch.Tensor:
    """A corner of a photograph with noise of sigma 25, (C, H, W) float64 in [0, 1]."""
    photograph = skimage.data.camera()[..., None] if CHANNELS[name] == 1 else skimage.data.astronaut()
    clean = photograph[90 : 90 + height, 200 : 200 + width].transpose(2, 0, 1) / 255
    noisy = clean + 25 / 255 * np.random.default_rng(0).standard_normal(clean.shape)
    if "clips" in name:  # one pixel to clip
        noisy[:, height // 2, width // 2] = 9
    return torch.from_numpy(noisy)


def jacobian_pixel_by_pixel(built: nn.Module, noisy: torch.Tensor) -> torch.Tensor:
    """The Jacobian (N, N) as a textbook has it: one backward pass for each output value."""
    image = noisy[None].clone().requires_grad_()
    values = built(image).flatten()
    rows = [torch.autograd.grad(value, image, retain_graph=True)[0].flatten() for value in values]
    return torch.stack(rows)


def _untrained(name: str) -> Network:
    bias = "bias" in name
    if name.startswith("dncnn"):
        built: Network = DnCNN(depth=5, width=8, bias=bias)
    elif name.startswith("unet"):
        built = UNet(channels=CHANNELS[name], width=8, bias=bias)
    elif name.startswith("rcnn"):
        built = RecurrentCNN(stages=2, width=8, bias=bias)
    elif name.startswith("sdensenet"):
        built = SimplifiedDenseNet(stages=3, width=8, bias=bias)
    elif name == "leaky":
        built = _Leaky()
    else:
        head = "zero-mean" if "zero-mean" in name else "zeros"
        widths = (32, 16) if "silent" in name else (8, 12, 16)
        built = ResUNet(
            channels=CHANNELS[name],
            widths=widths,
            blocks=1,
            bottom_blocks=1,
            head=head,
            clip_outliers="clips" in name,
            bias=bias,
        )
    if "silent" in name:
        for convolution in (module for key, module in built.named_modules() if key.endswith("conv1")):
            convolution.weight.data[:16] = 0
    if name == "leaky":
        for silent in (built.down, built.up, built.grouped):  # ReLUs that are off before, after and between them
            silent.weight.data[:, :2] = -silent.weight.data[:, :2].abs()
    for parameter in built.parameters():
        if not parameter.any():  # the kernels that start at zero would leave little to be tested
            nn.init.normal_(parameter, std=0.1)
    return built


class _Leaky(DnCNN):
    """Leaky ReLUs, dilation, groups, a stride and its transposed, results used twice, branches concatenated."""

    def __init__(self) -> None:
        super().__init__(depth=4, width=8, normalise=False)
        self.down = nn.Conv2d(8, 8, 2, stride=2, bias=False)
        self.up = nn.ConvTranspose2d(8, 8, 2, stride=2, bias=False)
        self.dilated = nn.Conv2d(8, 8, 3, padding=2, dilation=2, bias=False)
        self.grouped = nn.Conv2d(8, 8, 3, padding=1, groups=2, bias=False)
        self.join = nn.Conv2d(16, 1, 3, padding=1, bias=False)

    def forward(self, noisy: torch.Tensor) -> torch.Tensor:
        height, width = noisy.shape[-2:]
        features = F.leaky_relu(self.head(noisy), 0.2)
        shared = F.pad(self.dilated(features), (0, 0, 0, 0))  # taken twice: neither may overwrite it
        wide = F.relu(self.grouped(F.relu(shared) + shared))
        deep = F.relu(self.up(F.relu(self.down(F.pad(features, (0, width % 2, 0, height % 2))))))
        joined: torch.Tensor = self.join(torch.cat([wide, deep[..., :height, :width]], dim=1))
        return noisy - joined

    def folded(self) -> Network:
        return self
