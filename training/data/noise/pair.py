"""The input and output of every part of the noise model."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from training.data.noise.draw import Draw


@dataclass(frozen=True)
class Pair:
    """Patches (B, C, H, W), float32 in units of [0, 1]: the network's input ``noisy`` and its target ``clean``."""

    noisy: torch.Tensor
    clean: torch.Tensor

    def both(self, change: Callable[[torch.Tensor], torch.Tensor]) -> "Pair":
        """Apply the same change to both; ``change`` gets all noisy images, then all clean ones."""
        changed = change(torch.cat([self.noisy, self.clean]))
        count = len(self.noisy)
        return Pair(changed[:count], changed[count:])

    def where(self, chosen: torch.Tensor, other: "Pair") -> "Pair":
        """Replace the pairs where ``chosen`` (B, 1, 1, 1) is true by those of ``other``."""
        return Pair(torch.where(chosen, other.noisy, self.noisy), torch.where(chosen, other.clean, self.clean))

    def at(self, index: torch.Tensor, change: Callable[["Pair"], "Pair"]) -> "Pair":
        """Apply a change to the pairs at ``index`` (n,) only."""
        if len(index) == 0:
            return self
        changed = change(Pair(self.noisy[index], self.clean[index]))
        return Pair(self.noisy.index_copy(0, index, changed.noisy), self.clean.index_copy(0, index, changed.clean))


#: A part of the noise model: clean patches (B, C, H, W) in, pairs out.
MakePairs = Callable[[torch.Tensor, Draw], Pair]
