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
        ValueError: There is no architecture of that name, or it does not accept those arguments.
    """
    if name not in ARCHITECTURES:
        raise ValueError(f"there is no architecture {name!r}: choose one of {', '.join(sorted(ARCHITECTURES))}")
    try:
        return ARCHITECTURES[name](**arguments)
    except TypeError as exc:
        raise ValueError(f"{name} does not accept the arguments {dict(arguments)}: {exc}") from exc


__all__ = ["ARCHITECTURES", "DnCNN", "Network", "RecurrentCNN", "ResUNet", "SimplifiedDenseNet", "UNet", "build"]
