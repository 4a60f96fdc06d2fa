"""Synthetic checkpoints in the authors' format, and an independent implementation of their networks."""

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import torch
from torch.nn import functional as F

State = dict[str, torch.Tensor]

#: Applications of the recurrent network's single stage; a file says so only where it is another number.
STAGES = 4

WIDTH = {"dncnn": 64, "unet": 32, "rcnn": 64, "sdensenet": 64}


class _Maker:
    """A source of random weights, scaled so that the features stay bounded."""

    def __init__(self) -> None:
        self.generator = torch.Generator().manual_seed(0)
        self.state: State = {}

    def normal(self, *shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=self.generator)

    def layer(
        self, name: str, inputs: int, outputs: int, *, bias: bool, side: int = 3, transposed: bool = False
    ) -> None:
        shape = (inputs, outputs, side, side) if transposed else (outputs, inputs, side, side)
        self.state[f"{name}.weight"] = self.normal(*shape) * (2 / (inputs * side**2)) ** 0.5
        if bias:
            self.state[f"{name}.bias"] = self.normal(outputs) * 0.1

    def norm(self, name: str, width: int) -> None:
        self.state[f"{name}.weight"] = 1 + 0.2 * self.normal(width)
        self.state[f"{name}.bias"] = 0.1 * self.normal(width)
        self.state[f"{name}.running_mean"] = 0.1 * self.normal(width)
        self.state[f"{name}.running_var"] = 0.5 + torch.rand(width, generator=self.generator)
        self.state[f"{name}.num_batches_tracked"] = torch.tensor(7)

    def stage(self, name: str, inputs: int, outputs: int, *, bias: bool, last_bias: bool = False) -> None:
        self.layer(f"{name}.first_layer", inputs, 64, bias=bias)
        for index in range(5):
            self.layer(f"{name}.hidden_layer_list.{index}", 64, 64, bias=bias)
        self.layer(f"{name}.last_layer", 64, outputs, bias=last_bias)


def make_state(architecture: str, *, bias: bool, short: bool = False) -> State:
    """Make a state dict in the format of the authors' code.

    Args:
        architecture: A key of ``WIDTH``.
        bias: True for additive constants.
        short: True for fewer layers or stages than the authors have: the time of an export grows with them.
    """
    maker = _Maker()
    if architecture == "dncnn":
        maker.layer("first_layer", 1, 64, bias=bias)
        for index in range(3 if short else 18):
            maker.layer(f"hidden_layer_list.{index}", 64, 64, bias=bias)
            maker.norm(f"bn_layer_list.{index}", 64)
        maker.layer("last_layer", 64, 1, bias=bias)
    elif architecture == "unet":
        widths = [(1, 32, 5), (32, 32, 3), (32, 64, 3), (64, 64, 3), (64, 64, 3), (64, 64, 3)]
        for index, (inputs, outputs, side) in enumerate(widths, start=1):
            maker.layer(f"conv{index}", inputs, outputs, bias=bias, side=side)
        maker.layer("conv7", 64, 64, bias=bias, side=4, transposed=True)
        maker.layer("conv8", 96, 32, bias=bias)
        maker.layer("conv9", 32, 1, bias=False, side=5)
    elif architecture == "rcnn":
        maker.stage("cnn", 2, 1, bias=bias)
    else:
        stages = [(1, 5), *([] if short else [(6, 5), (6, 5)]), (6, 1)]
        for index, (inputs, outputs) in enumerate(stages):
            maker.stage(f"cnn_list.{index}", inputs, outputs, bias=bias, last_bias=bias and outputs > 1)
    return maker.state


def write_released(
    path: Path, state: State, *, bias: bool, prefix: str = "", listed: bool = True, **options: object
) -> Path:
    """Write a file of the released format; further options go into its Namespace."""
    named = {f"{prefix}{name}": value for name, value in state.items()}
    arguments = Namespace(
        **{"bias": bias, "min_noise": 0, "max_noise": 100, "lr": 1e-3, "data_path": "data", **options}
    )
    torch.save({"step": 9, "model": [named] if listed else named, "args": arguments, "optimizer": None}, path)
    return path


def forward(architecture: str, state: State, noisy: torch.Tensor, *, bias: bool, stages: int = STAGES) -> torch.Tensor:
    """Compute the network in float64 from its description: (B, 1, H, W) in and out; ``stages`` are those of rcnn."""
    weights = {name: value.double() for name, value in state.items()}
    if architecture == "rcnn":
        return _rcnn(weights, noisy.double(), stages)
    networks: dict[str, Callable[[State, torch.Tensor, bool], torch.Tensor]] = {
        "dncnn": _dncnn,
        "unet": _unet,
        "sdensenet": _sdensenet,
    }
    return networks[architecture](weights, noisy.double(), bias)


def _conv(weights: State, name: str, image: torch.Tensor, *, padding: int = 1, **options: int) -> torch.Tensor:
    return F.conv2d(image, weights[f"{name}.weight"], weights.get(f"{name}.bias"), padding=padding, **options)


def _dncnn(weights: State, noisy: torch.Tensor, bias: bool) -> torch.Tensor:
    features = F.relu(_conv(weights, "first_layer", noisy))
    for index in range(sum(name.startswith("hidden_layer_list") and name.endswith("weight") for name in weights)):
        features = _conv(weights, f"hidden_layer_list.{index}", features)
        scale, shift, mean, variance = (
            weights[f"bn_layer_list.{index}.{name}"][:, None, None]
            for name in ("weight", "bias", "running_mean", "running_var")
        )
        if bias:
            features = (features - mean) / torch.sqrt(variance + 1e-5) * scale + shift
        else:
            features = features / (torch.sqrt(variance) + 1e-5) * scale
        features = F.relu(features)
    return noisy - _conv(weights, "last_layer", features)


def _unet(weights: State, noisy: torch.Tensor, bias: bool) -> torch.Tensor:
    height, width = noisy.shape[-2:]
    image = noisy.new_zeros((*noisy.shape[:2], height + height % 2, width + width % 2))
    image[..., :height, :width] = noisy
    skip = F.relu(_conv(weights, "conv2", F.relu(_conv(weights, "conv1", image, padding=2))))
    features = F.relu(_conv(weights, "conv3", skip, stride=2))
    features = F.relu(_conv(weights, "conv4", features))
    features = F.relu(_conv(weights, "conv5", features, padding=2, dilation=2))
    features = F.relu(_conv(weights, "conv6", features, padding=4, dilation=4))
    up = F.conv_transpose2d(features, weights["conv7.weight"], weights.get("conv7.bias"), stride=2, padding=1)
    features = F.relu(_conv(weights, "conv8", torch.cat([F.relu(up), skip], dim=1)))
    return _conv(weights, "conv9", features, padding=2)[..., :height, :width]


def _stage(weights: State, name: str, image: torch.Tensor) -> torch.Tensor:
    features = F.relu(_conv(weights, f"{name}.first_layer", image))
    for index in range(5):
        features = F.relu(_conv(weights, f"{name}.hidden_layer_list.{index}", features))
    return _conv(weights, f"{name}.last_layer", features)


def _rcnn(weights: State, noisy: torch.Tensor, stages: int) -> torch.Tensor:
    output = noisy
    for _ in range(stages):
        output = _stage(weights, "cnn", torch.cat([noisy, output], dim=1))
    return output


def _sdensenet(weights: State, noisy: torch.Tensor, bias: bool) -> torch.Tensor:
    handed = _stage(weights, "cnn_list.0", noisy)
    for index in range(1, sum(name.endswith("first_layer.weight") for name in weights)):
        handed = _stage(weights, f"cnn_list.{index}", torch.cat([noisy, handed], dim=1))
    return handed
