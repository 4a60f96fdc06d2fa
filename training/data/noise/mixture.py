"""The noise model as a whole: the share of patches for each part, and what follows the noise."""

from collections.abc import Callable
from typing import Self

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator

from training.data.noise.camera import Camera
from training.data.noise.compression import Compression
from training.data.noise.correlated import Correlated
from training.data.noise.draw import Draw
from training.data.noise.drawings import drawn
from training.data.noise.filters import luma, resampled
from training.data.noise.levels import Levels
from training.data.noise.outliers import Outliers
from training.data.noise.pair import MakePairs, Pair
from training.data.noise.patterns import patterned, textured
from training.data.noise.photons import Photons
from training.data.noise.uneven import rectangle
from training.data.noise.white import White

_RESAMPLING = ("bilinear", "bicubic", "nearest")


class Lossy(BaseModel):
    """The share of each part's patches that are compressed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    white: float = 0.15
    photons: float = 0.05
    camera: float = 0.6
    correlated: float = 0.5


class NoiseMixture(BaseModel):
    """The ``[noise]`` table of a recipe. The shares of the parts sum to at most 1; the rest stays clean."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    white: White = White(share=0.4)
    photons: Photons = Photons(share=0.1)
    camera: Camera = Camera(share=0.28)
    correlated: Correlated = Correlated(share=0.2)
    outliers: Outliers = Outliers()
    levels: Levels = Levels()
    compression: Compression = Compression()
    compressed: Lossy = Lossy()
    magnified: float = Field(
        default=0.45,
        ge=0,
        le=1,
        description="Share of scenes enlarged by 1 to 3 before the noise: photographs are soft at full resolution.",
    )
    textured: float = Field(
        default=0.0, ge=0, le=1, description="Share of the enlarged scenes with the fine detail of another photograph."
    )
    drawn: float = Field(default=0.0, ge=0, le=1, description="Share of scenes that are drawn: text, codes, pixel art.")
    patterned: float = Field(default=0.1, ge=0, le=1, description="Share of scenes with a regular pattern.")
    resampled: float = Field(default=0.15, ge=0, le=1, description="Share resampled by 0.5 to 2 after the noise.")
    constant: float = Field(default=0.06, ge=0, le=1, description="Share with a constant area without noise.")
    gray: float = Field(default=0.06, ge=0, le=1, description="Share of color patches with three equal channels.")

    @model_validator(mode="after")
    def _shares_fit(self) -> Self:
        total = sum(part.share for part in self._parts())
        if total > 1 + 1e-9:
            raise ValueError(
                f"the shares of white, photons, camera and correlated sum to {total:g}; they may sum to at most 1"
            )
        return self

    def pairs(self, clean: torch.Tensor, draw: Draw) -> Pair:
        """Make pairs of clean patches.

        Args:
            clean: (B, C, P, P) float32 in [0, 1].
            draw: Random numbers; the pairs are a function of them and of ``clean``.

        Returns:
            Noisy and clean patches. What a camera or resampling does to the picture is done to the clean patch too.
        """
        count = len(clean)
        clean = self.levels.stretched(self._magnified(clean, draw), draw)
        some = _chosen(draw, count, self.patterned)
        clean = clean.index_copy(0, some, patterned(clean[some], draw))
        if self.drawn and len(some := _chosen(draw, count, self.drawn)):
            clean = clean.index_copy(0, some, drawn(clean[some], draw))
        gray = draw.chance(count, self.gray)
        clean = torch.where(gray, luma(clean), clean)
        kind = self._kinds(count, draw)
        pair = Pair(clean, clean)
        for index, part in enumerate(self._parts()):
            pair = pair.at((kind == index).nonzero().flatten(), _made_by(part, draw))
        # A gray photograph stored as RGB has gray noise too.
        pair = pair.where(gray, pair.both(lambda images: luma(images).expand_as(images)))
        pair = pair.at(_chosen(draw, count, self.outliers.share), lambda some: self.outliers(some, draw))
        pair = pair.at(_chosen(draw, count, self.resampled), lambda some: _resampled(some, draw))
        pair = pair.at(_chosen(draw, count, self.constant), lambda some: _with_constant_area(some, draw))
        pair = self.levels.recorded(pair, draw)
        lossy = self.compressed
        shares = torch.tensor([lossy.white, lossy.photons, lossy.camera, lossy.correlated, 0.0], device=draw.device)
        compressed = draw.uniform(count).flatten() < shares[kind]
        return pair.at(compressed.nonzero().flatten(), lambda some: self.compression(some, draw))

    def _parts(self) -> tuple[White | Photons | Camera | Correlated, ...]:
        return (self.white, self.photons, self.camera, self.correlated)

    def _magnified(self, clean: torch.Tensor, draw: Draw) -> torch.Tensor:
        chosen = _chosen(draw, len(clean), self.magnified)
        if len(chosen) == 0:
            return clean
        enlarged = resampled(clean[chosen], draw.log_uniform(len(chosen), 1, 3), mode="bicubic").clamp(0, 1)
        shaded = textured(enlarged, clean.roll(1, dims=0)[chosen], draw)
        scenes = torch.where(draw.chance(len(chosen), self.textured), shaded, enlarged)
        return clean.index_copy(0, chosen, scenes)

    def _kinds(self, count: int, draw: Draw) -> torch.Tensor:
        """Draw the index of each patch's part (count,); the number of parts stands for no noise."""
        bounds = torch.tensor([part.share for part in self._parts()], device=draw.device).cumsum(0)
        return torch.bucketize(draw.uniform(count).flatten(), bounds)


def _made_by(part: MakePairs, draw: Draw) -> Callable[[Pair], Pair]:
    return lambda some: part(some.clean, draw)


def _chosen(draw: Draw, count: int, share: float) -> torch.Tensor:
    return draw.chance(count, share).flatten().nonzero().flatten()


def _resampled(pair: Pair, draw: Draw) -> Pair:
    scale = torch.cat([draw.log_uniform(len(pair.noisy), 0.5, 2)] * 2)
    # One mode for all: a batch has two or three such patches.
    mode = _RESAMPLING[int(draw.choice(1, len(_RESAMPLING)))]
    return pair.both(lambda images: resampled(images, scale, mode=mode))


def _with_constant_area(pair: Pair, draw: Draw) -> Pair:
    """Lay a constant area without noise over both: a border, a letterbox, a mask, the background of a caption."""
    count, _, side, _ = pair.noisy.shape
    area = rectangle(count, side, draw)
    value = draw.choice(count, 3).view(count, 1, 1, 1) / 2
    value = torch.where(value == 0.5, draw.uniform(count), value)
    return Pair(torch.where(area, value, pair.noisy), torch.where(area, value, pair.clean))
