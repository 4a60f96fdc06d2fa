"""``import-checkpoint``: convert a checkpoint released by the paper's authors to a verified model file."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from biasfree.architectures import Network, build
from biasfree.artifact import save
from biasfree.card import Card, Training
from biasfree.export import to_onnx
from training.export.export import Provenance, card_of
from training.export.output import prepare
from training.export.released import Released, Weights, read_released

#: Name in the authors' code -> name in ours, within a stage of rcnn and sdensenet.
STAGE_NAMES = {"first_layer": "head", "hidden_layer_list": "hidden", "last_layer": "tail"}
#: Name in the authors' code -> name in ours, as regular expressions, by architecture.
NAMES: Mapping[str, Mapping[str, str]] = {
    "dncnn": {
        r"first_layer\.": "head.",
        r"hidden_layer_list\.": "hidden.",
        r"bn_layer_list\.": "norms.",
        r"last_layer\.": "tail.",
    },
    "unet": {
        r"conv1\.": "head.",
        r"conv2\.": "skip.",
        r"conv3\.": "down.",
        r"conv4\.": "deep.0.",
        r"conv5\.": "deep.1.",
        r"conv6\.": "deep.2.",
        r"conv7\.": "up.",
        r"conv8\.": "join.",
        r"conv9\.": "tail.",
    },
    "rcnn": {rf"cnn\.{theirs}\.": f"stage.{ours}." for theirs, ours in STAGE_NAMES.items()},
    "sdensenet": {rf"cnn_list\.(\d+)\.{theirs}\.": rf"stages.\1.{ours}." for theirs, ours in STAGE_NAMES.items()},
}
#: The authors' bias-free batch norm derives from the ordinary one and keeps its other values without using them.
UNUSED = re.compile(r"norms\.\d+\.(bias|running_mean|num_batches_tracked)")


def import_checkpoint(
    path: Path,
    output: Path,
    architecture: str,
    provenance: Provenance,
    *,
    sigma_range_255: Sequence[float] | None = None,
) -> Card:
    """Write a released checkpoint as a model file, with the normalization folded into the convolutions.

    Args:
        path: The ``.pt`` file.
        output: The ``.onnx`` file to write.
        architecture: A key of ``NAMES``.
        provenance: The model's origin, for the card.
        sigma_range_255: Noise levels of its training, 0-255 scale; defaults to those in the file.

    Returns:
        The card that was written.

    Raises:
        OSError: The file cannot be read, or ``output`` cannot be written; this is tested before the work.
        ValueError: The file is not a checkpoint of this architecture or does not state its noise range, or
            ``sigma_range_255`` does not have two levels.
        ArtifactError: The graph failed its verification; nothing was written.
    """
    if sigma_range_255 is not None and len(sigma_range_255) != 2:
        raise ValueError(
            f"--sigmas needs both ends of the noise range, as in 0,100, not {len(sigma_range_255)} level(s)"
        )
    released = read_released(path)
    sigmas = sigma_range_255 or released.sigma_range_255
    if sigmas is None:
        raise ValueError(f"{path} does not state both ends of its noise range; pass it, as in --sigmas 0,100")
    prepare(output)
    network = network_of(released, architecture, path).folded().eval()
    model = to_onnx(network, allow_bias=network.arguments["bias"])
    training = Training(
        data=provenance.data,
        licence=provenance.licence,
        images=0,
        images_sha256="",
        sigma_range_255=(min(sigmas), max(sigmas)),
        stages=(),
    )
    card = card_of(network, model, provenance, architecture=architecture, training=training)
    save(model, card, output)
    return card


def network_of(released: Released, architecture: str, path: Path) -> Network:
    """Build the network of a checkpoint, in evaluation mode, not folded.

    Args:
        released: The checkpoint's content.
        architecture: A key of ``NAMES``.
        path: The checkpoint's file, for messages.

    Raises:
        ValueError: The weights do not fit this architecture.
    """
    if released.options.get("residual") is True:
        raise ValueError(
            f"{path} has the option 'residual'; only networks whose output is the denoised image are supported"
        )
    try:
        weights = _renamed(released.weights, NAMES[architecture])
        arguments = _ARGUMENTS[architecture](weights, released.options)
        if not arguments["bias"]:
            weights = {name: value for name, value in weights.items() if not UNUSED.fullmatch(name)}
        network = build(architecture, arguments)
        _require_fit(weights, network.state_dict())
    except ValueError as exc:
        raise ValueError(f"{path} is not a checkpoint of the architecture {architecture}: {exc}") from exc
    _require_stated("bias", released, arguments["bias"], path)
    network.load_state_dict(weights)
    return network.eval()


def _renamed(weights: Weights, names: Mapping[str, str]) -> Weights:
    renamed = {}
    for name, value in weights.items():
        ours = [re.sub(f"^{theirs}", name_of, name) for theirs, name_of in names.items() if re.match(theirs, name)]
        if len(ours) != 1:
            raise ValueError(f"it has {name!r}")
        renamed[ours[0]] = value.float() if value.is_floating_point() else value
    return renamed


def _dncnn(weights: Weights, options: Mapping[str, Any]) -> dict[str, Any]:
    head = _kernel(weights, "head")
    depth = 2 + _count(weights, r"hidden\.(\d+)\.weight")
    return {"channels": head.shape[1], "width": head.shape[0], "depth": depth, "bias": "head.bias" in weights}


def _unet(weights: Weights, options: Mapping[str, Any]) -> dict[str, Any]:
    head = _kernel(weights, "head")
    return {"channels": head.shape[1], "width": head.shape[0], "bias": "head.bias" in weights}


def _rcnn(weights: Weights, options: Mapping[str, Any]) -> dict[str, Any]:
    """Read the arguments; only the options tell how often the single stage is applied."""
    head = _kernel(weights, "stage.head")
    stages = options.get("max_stage", 4)
    if not isinstance(stages, int) or not 1 <= stages <= 64:
        raise ValueError(f"its option 'max_stage' is {stages!r}; it must be a whole number from 1 to 64")
    channels = head.shape[1] // 2
    return {"channels": channels, "width": head.shape[0], "stages": stages, "bias": "stage.head.bias" in weights}


def _sdensenet(weights: Weights, options: Mapping[str, Any]) -> dict[str, Any]:
    head = _kernel(weights, "stages.0.head")
    stages = _count(weights, r"stages\.(\d+)\.head\.weight")
    bias = "stages.0.head.bias" in weights
    return {"channels": head.shape[1], "width": head.shape[0], "stages": stages, "bias": bias}


_ARGUMENTS: Mapping[str, Callable[[Weights, Mapping[str, Any]], dict[str, Any]]] = {
    "dncnn": _dncnn,
    "unet": _unet,
    "rcnn": _rcnn,
    "sdensenet": _sdensenet,
}


def _kernel(weights: Weights, layer: str) -> torch.Tensor:
    kernel = weights.get(f"{layer}.weight")
    if kernel is None or kernel.ndim != 4:
        raise ValueError("its first convolution is missing")
    return kernel


def _count(weights: Weights, pattern: str) -> int:
    return sum(re.fullmatch(pattern, name) is not None for name in weights)


def _require_fit(weights: Weights, expected: Weights) -> None:
    for name in sorted(expected.keys() ^ weights.keys()):
        raise ValueError(f"it has {'no' if name in expected else 'an unknown'} {name!r}")
    for name, value in expected.items():
        if weights[name].shape != value.shape:
            raise ValueError(f"{name!r} is {tuple(weights[name].shape)} and should be {tuple(value.shape)}")


def _require_stated(name: str, released: Released, found: bool, path: Path) -> None:
    stated = released.options.get(name)
    if isinstance(stated, bool) and stated is not found:
        raise ValueError(f"{path} contradicts itself: its option {name!r} is {stated}, but its weights imply {found}")
