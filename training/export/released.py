"""The checkpoints that the paper's authors released (github.com/LabForComputationalVision/bias_free_denoising), read.

A ``.pt`` is a pickle: whoever loads one freely runs whatever its maker wrote into it. Here only tensors, plain
containers and ``argparse.Namespace``, in which the authors kept their options, are let in.
"""

import pickle
import re
import struct
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

Weights = dict[str, torch.Tensor]

#: What reading bytes that are no pickle ends in.
DAMAGED = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)

#: What ``torch.nn.DataParallel`` puts before every name.
PARALLEL = "module."


@dataclass(frozen=True)
class Released:
    """A checkpoint's content.

    Attributes:
        weights: Name in the authors' code -> value.
        options: Their command line; empty where there is none.
    """

    weights: Weights
    options: Mapping[str, Any]

    @property
    def sigma_range_255(self) -> tuple[float, float] | None:
        """Noise levels of the training, if the options have them; in the dncnn files they are the wrong way round."""
        levels = [self.options.get(name) for name in ("min_noise", "max_noise")]
        if not all(isinstance(level, (int, float)) and 0 <= level < float("inf") for level in levels):
            return None
        low, high = sorted(float(level) for level in levels if level is not None)
        return low, high


def read_released(path: Path) -> Released:
    """Read a checkpoint; nothing in it is run.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no such checkpoint, or holds something that is neither a tensor, nor plain, nor a Namespace.
    """
    try:
        with torch.serialization.safe_globals([Namespace]):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as exc:
        found = re.search(r"GLOBAL (\S+)", str(exc))
        what = f"it would import {found[1]}, and only tensors are read" if found else "it is not one"
        raise ValueError(f"expected a checkpoint written by torch.save, got {path}: {what}") from exc
    except DAMAGED as exc:
        raise ValueError(f"expected a checkpoint written by torch.save, got {path}: it is damaged or not one") from exc
    if not isinstance(content, dict) or "model" not in content:
        raise ValueError(f"expected a checkpoint with the entry 'model', got {path} without one")
    options = content.get("args")
    return Released(_weights(content["model"], path), vars(options) if isinstance(options, Namespace) else {})


def _weights(model: Any, path: Path) -> Weights:
    """The state dict, alone or the only one of a list, without prefixes."""
    if isinstance(model, (list, tuple)):
        if len(model) != 1:
            raise ValueError(f"expected one state dict in {path}, got {len(model)}")
        (model,) = model
    if not isinstance(model, Mapping) or not all(isinstance(value, torch.Tensor) for value in model.values()):
        raise ValueError(f"expected a state dict of tensors under 'model' in {path}, got something else")
    return {str(name).removeprefix(PARALLEL): value.detach() for name, value in model.items()}
