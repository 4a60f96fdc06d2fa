"""Outliers: single wrong pixels (salt and pepper, hot and dead pixels) and stars (points of light).

Wrong pixels are noise. Stars are not: the clean patch has them too, up to a thousand times brighter than itself.
"""

import torch
from pydantic import BaseModel, ConfigDict, Field

from biasfree.architectures.outliers import clip_outliers
from training.data.noise.draw import Draw
from training.data.noise.filters import blurred
from training.data.noise.pair import Pair

#: Side of the cells in which networks clip outliers: the stride of a U-Net with three scales.
_CELL = 8


class Outliers(BaseModel):
    """Outliers added to the noise of other parts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    share: float = Field(default=0.08, ge=0, le=1, description="Share of all patches.")
    density: tuple[float, float] = Field(default=(2e-4, 5e-2), description="Share of wrong pixels, log-uniform.")
    excess: tuple[float, float] = Field(default=(0.3, 1000), description="Peak of stars, log-uniform.")

    def __call__(self, pair: Pair, draw: Draw) -> Pair:
        """Add outliers to (B, C, P, P), where P is a multiple of eight."""
        count = len(pair.noisy)
        changed = self._wrong(pair, draw).where(draw.chance(count, 0.4), self._starry(pair, draw))
        # A network cannot remove what its clipping hides from it.
        hidden = changed.noisy - clip_outliers(changed.noisy, cell=_CELL)
        stars = changed.clean - pair.clean
        return Pair(changed.noisy, changed.clean + torch.where(stars == 0, hidden, torch.zeros(())))

    def _wrong(self, pair: Pair, draw: Draw) -> Pair:
        count, channels, *sides = pair.noisy.shape
        density = draw.log_uniform(count, *self.density)
        # A sensor's defect affects one channel, a transmission error all. White and black are equally frequent.
        drawn = draw.uniform(pair.noisy.numel()).view(count, channels, *sides)
        drawn = torch.where(draw.chance(count, 0.5), drawn, drawn[:, :1])
        black = draw.chance(count, 0.5) & (drawn < density / 2)
        return Pair(torch.where(drawn < density, (~black).float(), pair.noisy), pair.clean)

    def _starry(self, pair: Pair, draw: Draw) -> Pair:
        count, _, *sides = pair.noisy.shape
        points = draw.uniform(count * sides[0] * sides[1]).view(count, 1, *sides) < 5e-4
        profile = blurred(points.float(), draw.uniform(count, 0.7, 1.6), reach=6)
        profile = profile / profile.amax(dim=(1, 2, 3), keepdim=True).clamp(min=1e-6)
        light = draw.log_uniform(count, *self.excess) * profile
        return Pair(pair.noisy + light, pair.clean + light)
