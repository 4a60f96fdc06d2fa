"""Network architectures. Importing this package imports torch."""

from collections.abc import Mapping
from typing import Any

from biasfree.architectures.dncnn import DnCNN
from biasfree.architectures.network import Network
from biasfree.architectures.rcnn import RecurrentCNN
from biasfree.architectures.resunet import ResUNet
from biasfree.architectures.sdensenet import SimplifiedDenseNet
from biasfree.architectures.unet import UNet

#: Name in a recipe and in a model card -> class.
ARCHITECTURES: Mapping[str, type[Network]] = {
    "dncnn": DnCNN,
    "rcnn": RecurrentCNN,
    "resunet": ResUNet,
    "sdensenet": SimplifiedDenseNet,
    "unet": UNet,
}


def build(name: str, arguments: Mapping[str, Any]) -> Network:
    """Build an untrained network.

    Args:
        name: A key of ``ARCHITECTURES``.
        arguments: Constructor arguments, as ``Network.arguments`` gives them.

    Raises:
        ValueError: No architecture has that name, or it does not take those arguments.
    """
    if name not in ARCHITECTURES:
        raise ValueError(f"expected an architecture out of {sorted(ARCHITECTURES)}, got {name!r}")
    try:
        return ARCHITECTURES[name](**arguments)
    except TypeError as exc:
        raise ValueError(f"{name} does not take the arguments {dict(arguments)}: {exc}") from exc


__all__ = ["ARCHITECTURES", "DnCNN", "Network", "RecurrentCNN", "ResUNet", "SimplifiedDenseNet", "UNet", "build"]
