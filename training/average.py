"""Exponential moving average of the weights, quick at the start."""

from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class WeightAverage:
    """EMA whose decay grows as (1 + n) / (10 + n) up to ``decay``, so that short runs do not average the start."""

    def __init__(self, network: nn.Module, *, decay: float) -> None:
        self._decay = decay
        self._averaged = AveragedModel(network, multi_avg_fn=self._update, use_buffers=True)

    @property
    def network(self) -> nn.Module:
        """The averaged network."""
        return self._averaged.module  # type: ignore[no-any-return]  # AveragedModel.module is untyped

    def update(self, network: nn.Module, *, step: int) -> None:
        """Take in the weights after ``step`` steps."""
        self._step = step
        self._averaged.update_parameters(network)

    def _update(self, averaged: list, current: list, count: object) -> None:  # type: ignore[type-arg]  # torch's shape
        decay = min(self._decay, (1 + self._step) / (10 + self._step))
        get_ema_multi_avg_fn(decay)(averaged, current, count)
