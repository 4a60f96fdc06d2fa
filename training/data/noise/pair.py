"""What every part of the noise model takes and gives."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from training.data.noise.draw import Draw


@dataclass(frozen=True)
class Pair:
    """``noisy`` and ``clean`` (B, C, H, W) float32 in units of [0, 1]: what is seen and what is right."""

    noisy: torch.Tensor
    clean: torch.Tensor

    def both(self, change: Callable[[torch.Tensor], torch.Tensor]) -> "Pair":
        """Change both alike, image by image."""
        changed = change(torch.cat([self.noisy, self.clean]))
        count = len(self.noisy)
        return Pair(changed[:count], changed[count:])

    def where(self, chosen: torch.Tensor, other: "Pair") -> "Pair":
        """Take the pairs of ``other`` where ``chosen`` (B, 1, 1, 1)."""
        return Pair(torch.where(chosen, other.noisy, self.noisy), torch.where(chosen, other.clean, self.clean))

    def at(self, index: torch.Tensor, change: Callable[["Pair"], "Pair"]) -> "Pair":
        """Change the pairs at ``index`` (n,) only."""
        if len(index) == 0:
            return self
        changed = change(Pair(self.noisy[index], self.clean[index]))
        return Pair(self.noisy.index_copy(0, index, changed.noisy), self.clean.index_copy(0, index, changed.clean))


#: A part: clean patches (B, C, H, W) in, pairs out.
MakePairs = Callable[[torch.Tensor, Draw], Pair]
