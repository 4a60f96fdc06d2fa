"""Correlated noise: film grain, scans, denoised and compressed photographs, color blotches, rows and columns.

Sources: Newson et al., "Realistic film grain rendering", IPOL 2017 (grain is strongest in the middle tones, and wider
than a pixel); Plotz and Roth, "Benchmarking denoising algorithms with real photographs", CVPR 2017 (the noise of
developed photographs is correlated in space and between channels); EMVA 1288 (row and column noise).
"""

import torch
from pydantic import BaseModel, ConfigDict, Field

from training.data.noise.draw import Draw
from training.data.noise.filters import correlated, luma
from training.data.noise.pair import Pair


class Correlated(BaseModel):
    """Noise of luminance and of color, each with its own level and extent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    share: float = Field(ge=0, le=1)
    sigma_max: float = Field(default=30, gt=0, description="0-255 scale, of luminance and of color.")
    sigma_power: float = Field(default=2, gt=0, description="Cameras leave little noise in most files.")
    luminance_px: float = Field(default=1.3, ge=0, description="Largest extent of luminance noise, pixels.")
    color_px: float = Field(default=4.0, ge=0, description="Largest extent of color noise, pixels.")
    lines: float = Field(default=0.15, ge=0, le=1, description="Share of patches with noisy rows or columns.")

    def __call__(self, clean: torch.Tensor, draw: Draw) -> Pair:
        """Add noise to (B, C, P, P)."""
        level = self._level(draw, len(clean))
        noise = level * self._luminance(clean, draw)
        if clean.shape[1] > 1:
            # In cameras, color noise is as strong as luminance noise; in scans and film it is independent.
            color = torch.where(draw.chance(len(clean), 0.5), level, self._level(draw, len(clean)))
            noise = noise + color * draw.uniform(len(clean), 0.2, 1.2) * self._color(clean, draw)
        noise = noise * self._brightness(clean, draw) + self._lines(clean, draw)
        return Pair(clean + noise, clean)

    def _level(self, draw: Draw, count: int) -> torch.Tensor:
        return self.sigma_max / 255 * draw.uniform(count) ** self.sigma_power

    def _luminance(self, clean: torch.Tensor, draw: Draw) -> torch.Tensor:
        count, _, *sides = clean.shape
        fine = correlated(draw.normal(count, 1, *sides), self.luminance_px * draw.uniform(count) ** 0.5)
        coarse = correlated(draw.normal(count, 1, *sides), draw.uniform(count, 1, self.color_px))
        return fine + 0.8 * draw.uniform(count) ** 2 * coarse

    def _color(self, clean: torch.Tensor, draw: Draw) -> torch.Tensor:
        extent = self.color_px * draw.uniform(len(clean))
        noise = correlated(draw.normal(*clean.shape), extent)
        return noise - luma(noise)

    def _brightness(self, clean: torch.Tensor, draw: Draw) -> torch.Tensor:
        """Draw factors that are larger in the shadows, the middle tones or the highlights, or equal everywhere."""
        level = luma(clean).clamp(0, 1)
        kinds = torch.stack([torch.ones_like(level), 1.3 - level, 4 * level * (1 - level) + 0.2, level.sqrt() + 0.1])
        return kinds[draw.choice(len(clean), len(kinds)), torch.arange(len(clean), device=draw.device)]

    def _lines(self, clean: torch.Tensor, draw: Draw) -> torch.Tensor:
        count, channels, height, width = clean.shape
        shared = draw.chance(count, 0.5)
        rows, columns = draw.normal(count, channels, height, 1), draw.normal(count, channels, 1, width)
        rows, columns = (torch.where(shared, each[:, :1], each) for each in (rows, columns))
        level = self._level(draw, count) * draw.chance(count, self.lines)
        return level * torch.where(draw.chance(count, 0.5), rows, columns)
