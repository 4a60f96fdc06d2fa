"""How the noise of the channels hangs together: independent, partly shared, or the same in all."""

import torch

from training.data.noise.draw import Draw


def shared(white: torch.Tensor, draw: Draw, *, independent: float) -> torch.Tensor:
    """Mix standard normal noise (B, C, H, W) over the channels, keeping its variance.

    Args:
        white: Independent noise.
        draw: Random numbers.
        independent: Share of patches whose channels stay independent; the others share a part drawn uniformly.
    """
    count, channels = white.shape[:2]
    if channels == 1:
        return white
    common = draw.uniform(count) * ~draw.chance(count, independent)
    return common.sqrt() * draw.normal(count, 1, *white.shape[2:]) + (1 - common).sqrt() * white
