"""Torch's exporter, which builds its table of operators anew for each export: a third of the time of a small one."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import pytest
from torch.onnx._internal.exporter._registration import ONNXRegistry


@contextmanager
def one_table() -> Iterator[None]:
    """Build the table once for all exports; none of ours adds operators to it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ONNXRegistry, "from_torchlib", staticmethod(cache(ONNXRegistry.from_torchlib)))
        yield
