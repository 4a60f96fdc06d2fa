"""Read the checkpoints of the paper's authors (github.com/LabForComputationalVision/bias_free_denoising).

A ``.pt`` file is a pickle: loading one without restrictions runs any code in it. This module accepts only tensors,
plain containers, and ``argparse.Namespace``, in which the authors stored their options.
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

#: Exceptions raised on reading bytes that are not a pickle.
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

#: Prefix that ``torch.nn.DataParallel`` adds to every name.
PARALLEL = "module."


@dataclass(frozen=True)
class Released:
    """A checkpoint's content.

    Attributes:
        weights: Name in the authors' code -> value.
        options: The authors' command line; empty if the file has none.
    """

    weights: Weights
    options: Mapping[str, Any]

    @property
    def sigma_range_255(self) -> tuple[float, float] | None:
        """Return the noise range of the training, if the options have it; the dncnn files have its ends swapped."""
        levels = [self.options.get(name) for name in ("min_noise", "max_noise")]
        if not all(isinstance(level, (int, float)) and 0 <= level < float("inf") for level in levels):
            return None
        low, high = sorted(float(level) for level in levels if level is not None)
        return low, high


def read_released(path: Path) -> Released:
    """Read a checkpoint without running any code in it.

    Raises:
        OSError: The file cannot be read.
        ValueError: The file is not such a checkpoint, or contains other objects than tensors, plain values and
            Namespaces.
    """
    try:
        with torch.serialization.safe_globals([Namespace]):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as exc:
        found = re.search(r"GLOBAL (\S+)", str(exc))
        if found:
            raise ValueError(f"refusing to read {path}: it would import {found[1]}, and only tensors are read") from exc
        raise ValueError(f"{path} is not a checkpoint written by torch.save") from exc
    except DAMAGED as exc:
        raise ValueError(f"{path} is damaged or not a checkpoint written by torch.save") from exc
    if not isinstance(content, dict) or "model" not in content:
        raise ValueError(f"{path} is not a checkpoint of the authors: it has no entry 'model'")
    options = content.get("args")
    return Released(_weights(content["model"], path), vars(options) if isinstance(options, Namespace) else {})


def _weights(model: Any, path: Path) -> Weights:
    """Return the state dict, stored alone or in a list of one, without prefixes."""
    if isinstance(model, (list, tuple)):
        if len(model) != 1:
            raise ValueError(f"{path} is not a checkpoint of one network: it has {len(model)} state dicts")
        (model,) = model
    if not isinstance(model, Mapping) or not all(isinstance(value, torch.Tensor) for value in model.values()):
        raise ValueError(f"{path} is not a checkpoint of the authors: its entry 'model' is not a state dict of tensors")
    return {str(name).removeprefix(PARALLEL): value.detach() for name, value in model.items()}
