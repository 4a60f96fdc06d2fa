"""An exponential moving average of the weights that adapts faster at the start."""

from copy import deepcopy

import torch
from torch import nn


class WeightAverage:
    """An average whose decay at step n is (n - 1) / (n + 8), at most ``decay``, so that short runs forget the start.

    The averaged weights are its only state, so a resumed run computes the same average as an uninterrupted one.

    Args:
        network: Network with the initial weights and buffers, which are copied.
        decay: Largest weight of the past.
    """

    def __init__(self, network: nn.Module, *, decay: float) -> None:
        self._decay = decay
        #: The averaged network.
        self.network: nn.Module = deepcopy(network).requires_grad_(False)

    @torch.no_grad()
    def update(self, network: nn.Module, *, step: int) -> None:
        """Add the weights after ``step`` steps to the average."""
        averaged, current = self.network.state_dict(), network.state_dict()
        floating = [name for name, value in averaged.items() if value.is_floating_point()]
        decay = min(self._decay, (step - 1) / (step + 8))
        torch._foreach_lerp_([averaged[name] for name in floating], [current[name] for name in floating], 1 - decay)
        for name in averaged.keys() - set(floating):
            averaged[name].copy_(current[name])
