"""Photon noise: Poisson noise of few to many counts, with Gaussian read noise.

Source: Foi et al., "Practical Poissonian-Gaussian noise modeling and fitting for single-image raw-data", IEEE TIP 2008.
"""

import torch
from pydantic import BaseModel, ConfigDict, Field

from training.data.noise.draw import Draw
from training.data.noise.filters import blurred
from training.data.noise.pair import Pair


class Photons(BaseModel):
    """Photon counts, scaled to [0, 1]. As in microscopy and at night, images are often dark and the optics soft."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    share: float = Field(ge=0, le=1)
    counts: tuple[float, float] = Field(default=(2, 1000), description="Photons at white, log-uniform.")
    read_noise: float = Field(default=10, ge=0, description="Largest standard deviation of the read noise, photons.")
    dark: float = Field(default=3, ge=1, description="Largest exponent applied to the intensities.")
    soft_px: float = Field(default=2.0, ge=0, description="Largest blur of the optics, pixels.")

    def __call__(self, clean: torch.Tensor, draw: Draw) -> Pair:
        """Simulate photon counts of (B, C, P, P)."""
        count = len(clean)
        soft = blurred(clean, draw.uniform(count, 0, self.soft_px), reach=6)
        scene = torch.where(draw.chance(count, 0.6), soft, clean).clamp(0, 1)
        scene = scene ** draw.log_uniform(count, 1, self.dark)
        scene = scene * draw.uniform(count, 0.3, 1) + draw.uniform(count, 0, 0.15) * draw.chance(count, 0.5)
        white = draw.log_uniform(count, *self.counts)
        counted = torch.poisson(white * scene, generator=draw.generator)
        reading = self.read_noise * draw.uniform(count) ** 2 * draw.normal(*clean.shape)
        return Pair((counted + reading * white.sqrt() / 10) / white, scene)
