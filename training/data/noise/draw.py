"""The random numbers of one batch."""

import math
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Draw:
    """A source of random numbers with one generator, so that a batch is determined by the generator's seed."""

    generator: torch.Generator

    def uniform(self, count: int, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        """Draw values (count, 1, 1, 1), uniform in [low, high)."""
        return low + (high - low) * torch.rand(count, 1, 1, 1, generator=self.generator, device=self.device)

    def log_uniform(self, count: int, low: float, high: float) -> torch.Tensor:
        """Draw values (count, 1, 1, 1) whose logarithm is uniform."""
        return self.uniform(count, math.log(low), math.log(high)).exp()

    def chance(self, count: int, probability: float) -> torch.Tensor:
        """Draw booleans (count, 1, 1, 1), true with ``probability``."""
        return self.uniform(count) < probability

    def choice(self, count: int, options: int) -> torch.Tensor:
        """Draw integers (count,) from 0 to ``options - 1``."""
        return torch.randint(options, (count,), generator=self.generator, device=self.device)

    def normal(self, *shape: int) -> torch.Tensor:
        """Draw independent standard normal values."""
        return torch.randn(shape, generator=self.generator, device=self.device)

    @property
    def device(self) -> torch.device:
        """Return the generator's device."""
        return self.generator.device
