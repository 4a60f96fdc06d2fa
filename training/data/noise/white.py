"""White Gaussian noise as in the paper, optionally with a strength that varies over the patch.

Channels are independent, partly shared, or equal. Source: Mohan et al., ICLR 2020, section 5 (one sigma per patch,
uniform in a range, never clipped).
"""

import torch
from pydantic import BaseModel, ConfigDict, Field

from training.data.noise.draw import Draw
from training.data.noise.pair import Pair
from training.data.noise.uneven import strength


class White(BaseModel):
    """White noise of ``sigma = sigma_max * u^sigma_power`` on the 0-255 scale, u uniform in [0, 1]."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    share: float = Field(ge=0, le=1)
    sigma_max: float = Field(default=100, gt=0, description="0-255 scale.")
    sigma_power: float = Field(default=1.5, gt=0)
    uneven: float = Field(default=0.3, ge=0, le=1, description="Share of patches whose noise varies over them.")
    independent: float = Field(default=0.85, ge=0, le=1, description="Share of patches with independent channels.")

    def __call__(self, clean: torch.Tensor, draw: Draw) -> Pair:
        """Add noise to (B, C, P, P)."""
        count, side = len(clean), clean.shape[-1]
        sigma = self.sigma_max / 255 * draw.uniform(count) ** self.sigma_power
        varied = torch.where(draw.chance(count, self.uneven), strength(count, side, draw), torch.ones(()))
        noise = shared(draw.normal(*clean.shape), draw, independent=self.independent)
        return Pair(clean + sigma * varied * noise, clean)


def shared(white: torch.Tensor, draw: Draw, *, independent: float) -> torch.Tensor:
    """Share standard normal noise (B, C, H, W) between the channels, keeping its variance.

    Args:
        white: Independent noise.
        draw: Random numbers.
        independent: Share of patches whose channels stay independent; in the others, a random part is shared.
    """
    count, channels = white.shape[:2]
    if channels == 1:
        return white
    common = draw.uniform(count) * ~draw.chance(count, independent)
    return common.sqrt() * draw.normal(count, 1, *white.shape[2:]) + (1 - common).sqrt() * white
