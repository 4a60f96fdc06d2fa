"""Blind denoising with bias-free convolutional networks, and the analysis of their Jacobian.

>>> import biasfree
>>> model = biasfree.load("color")
>>> denoised = model.denoise(noisy, channel_axis=-1)

Importing this loads nothing heavy; docs/library.md has more.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from biasfree.model import Model, load, models

__all__ = ["Model", "load", "models"]


def __getattr__(name: str) -> Any:
    """Import the library when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module 'biasfree' has no attribute {name!r}")
    return getattr(import_module("biasfree.model"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
