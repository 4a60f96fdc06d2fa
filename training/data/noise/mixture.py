"""The noise model as a whole: what shares of the patches are given which noise, and what happens to them after."""

from collections.abc import Callable
from typing import Self

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator

from training.data.noise.camera import Camera
from training.data.noise.compression import Compression
from training.data.noise.correlated import Correlated
from training.data.noise.draw import Draw
from training.data.noise.filters import luma, resampled
from training.data.noise.levels import Levels
from training.data.noise.outliers import Outliers
from training.data.noise.pair import MakePairs, Pair
from training.data.noise.patterns import patterned
from training.data.noise.photons import Photons
from training.data.noise.uneven import rectangle
from training.data.noise.white import White

_RESAMPLING = ("bilinear", "bicubic", "nearest")


class Lossy(BaseModel):
    """Shares of the patches of each part that are compressed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    white: float = 0.15
    photons: float = 0.05
    camera: float = 0.6
    correlated: float = 0.5


class NoiseMixture(BaseModel):
    """The ``[noise]`` table of a recipe. The shares of the parts sum to at most 1; what is left stays clean."""

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
        description="Share of scenes enlarged by 1 to 3 before the noise: at a sensor's own resolution they are soft.",
    )
    patterned: float = Field(default=0.1, ge=0, le=1, description="Share of scenes with a regular pattern in them.")
    resampled: float = Field(default=0.15, ge=0, le=1, description="Share resampled after the noise, by 0.5 to 2.")
    constant: float = Field(default=0.06, ge=0, le=1, description="Share with an area of one value, without noise.")
    gray: float = Field(default=0.06, ge=0, le=1, description="Share of colour patches with three equal channels.")

    @model_validator(mode="after")
    def _shares_fit(self) -> Self:
        total = sum(part.share for part in self._parts())
        if total > 1 + 1e-9:
            raise ValueError(f"the shares of white, photons, camera and correlated sum to {total:g}; at most 1")
        return self

    def pairs(self, clean: torch.Tensor, draw: Draw) -> Pair:
        """Make pairs of clean patches.

        Args:
            clean: (B, C, P, P) float32 in [0, 1].
            draw: Random numbers; the pairs are a function of them and of ``clean``.

        Returns:
            Noisy and clean patches. Where a camera or a resampler changes the picture, the clean one is changed alike.
        """
        count = len(clean)
        clean = self.levels.stretched(self._magnified(clean, draw), draw)
        textured = _chosen(draw, count, self.patterned)
        clean = clean.index_copy(0, textured, patterned(clean[textured], draw))
        gray = draw.chance(count, self.gray)
        clean = torch.where(gray, luma(clean), clean)
        kind = self._kinds(count, draw)
        pair = Pair(clean, clean)
        for index, part in enumerate(self._parts()):
            pair = pair.at((kind == index).nonzero().flatten(), _made_by(part, draw))
        # Gray stored as RGB: noise and all.
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
        return clean.index_copy(0, chosen, enlarged)

    def _kinds(self, count: int, draw: Draw) -> torch.Tensor:
        """Draw each patch's part, (count,): one more than there are is none."""
        bounds = torch.tensor([part.share for part in self._parts()], device=draw.device).cumsum(0)
        return torch.bucketize(draw.uniform(count).flatten(), bounds)


def _made_by(part: MakePairs, draw: Draw) -> Callable[[Pair], Pair]:
    return lambda some: part(some.clean, draw)


def _chosen(draw: Draw, count: int, share: float) -> torch.Tensor:
    return draw.chance(count, share).flatten().nonzero().flatten()


def _resampled(pair: Pair, draw: Draw) -> Pair:
    scale = torch.cat([draw.log_uniform(len(pair.noisy), 0.5, 2)] * 2)
    # One way for all of them: two or three patches of a batch.
    mode = _RESAMPLING[int(draw.choice(1, len(_RESAMPLING)))]
    return pair.both(lambda images: resampled(images, scale, mode=mode))


def _with_constant_area(pair: Pair, draw: Draw) -> Pair:
    """Lay an area of one value without noise over both: a border, a letterbox, a mask, a caption's ground."""
    count, _, side, _ = pair.noisy.shape
    area = rectangle(count, side, draw)
    value = draw.choice(count, 3).view(count, 1, 1, 1) / 2
    value = torch.where(value == 0.5, draw.uniform(count), value)
    return Pair(torch.where(area, value, pair.noisy), torch.where(area, value, pair.clean))
