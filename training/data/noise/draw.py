"""Random numbers of one batch."""

import math
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Draw:
    """Draws from one generator, so that everything about a batch follows from the generator's seed."""

    generator: torch.Generator

    def uniform(self, count: int, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        """Draw (count, 1, 1, 1) values, uniform in [low, high)."""
        return low + (high - low) * torch.rand(count, 1, 1, 1, generator=self.generator, device=self.device)

    def log_uniform(self, count: int, low: float, high: float) -> torch.Tensor:
        """Draw (count, 1, 1, 1) values whose logarithm is uniform."""
        return self.uniform(count, math.log(low), math.log(high)).exp()

    def chance(self, count: int, probability: float) -> torch.Tensor:
        """Draw (count, 1, 1, 1) booleans, true with ``probability``."""
        return self.uniform(count) < probability

    def choice(self, count: int, options: int) -> torch.Tensor:
        """Draw (count,) integers from 0 to ``options - 1``."""
        return torch.randint(options, (count,), generator=self.generator, device=self.device)

    def normal(self, *shape: int) -> torch.Tensor:
        """Draw independent standard normal values."""
        return torch.randn(shape, generator=self.generator, device=self.device)

    @property
    def device(self) -> torch.device:
        """Where the numbers are drawn."""
        return self.generator.device
