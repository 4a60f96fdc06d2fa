"""The limits of stored intensities: crushed shadows, saturated highlights, the range [0, 1], 256 levels."""

import torch
from pydantic import BaseModel, ConfigDict, Field

from training.data.noise.draw import Draw
from training.data.noise.pair import Pair


class Levels(BaseModel):
    """Clipping and rounding of noisy patches."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    clipped: float = Field(default=0.35, ge=0, le=1, description="Share clipped to [0, 1].")
    rounded: float = Field(default=0.25, ge=0, le=1, description="Share clipped and rounded to 8 bits.")
    crushed: float = Field(default=0.06, ge=0, le=1, description="Share with shadows or highlights beyond the range.")

    def stretched(self, clean: torch.Tensor, draw: Draw) -> torch.Tensor:
        """Push the shadows or the highlights of some clean patches (B, C, H, W) out of the range."""
        count = len(clean)
        factor = 1 + draw.uniform(count) * draw.chance(count, self.crushed)
        pivot = draw.choice(count, 2).view(count, 1, 1, 1)
        return ((clean - pivot) * factor + pivot).clamp(0, 1)

    def recorded(self, pair: Pair, draw: Draw) -> Pair:
        """Clip some noisy patches, and clip and round others."""
        count = len(pair.noisy)
        inside = pair.both(lambda images: images.clamp(0, 1))
        rounded = Pair((inside.noisy * 255).round() / 255, inside.clean)
        return pair.where(draw.chance(count, self.clipped), inside).where(draw.chance(count, self.rounded), rounded)
