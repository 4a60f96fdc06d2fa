"""Exponential moving average of the weights, quick at the start."""

from copy import deepcopy

import torch
from torch import nn


class WeightAverage:
    """EMA whose decay grows as (n - 1) / (n + 8) with the step n up to ``decay``: short runs do not average the start.

    It keeps nothing but the averaged weights, so that a resumed run averages as the uninterrupted one would have done.

    Args:
        network: Whose weights and buffers are averaged; copied.
        decay: Largest weight of the past.
    """

    def __init__(self, network: nn.Module, *, decay: float) -> None:
        self._decay = decay
        #: The averaged network.
        self.network: nn.Module = deepcopy(network).requires_grad_(False)

    @torch.no_grad()
    def update(self, network: nn.Module, *, step: int) -> None:
        """Take in the weights after ``step`` steps."""
        averaged, current = self.network.state_dict(), network.state_dict()
        floating = [name for name, value in averaged.items() if value.is_floating_point()]
        decay = min(self._decay, (step - 1) / (step + 8))
        torch._foreach_lerp_([averaged[name] for name in floating], [current[name] for name in floating], 1 - decay)
        for name in averaged.keys() - set(floating):
            averaged[name].copy_(current[name])
