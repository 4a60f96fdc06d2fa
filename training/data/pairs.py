"""Training pairs: random crops of photographs, clean and with noise.

Every batch is a pure function of (seed, rank, step): a resumed run draws the same batches as an uninterrupted one, and
no state of the generator needs to be stored. All photographs lie in one tensor on the training device, and crops, flips
and rotations are one gather.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from training.data.images import UInt8Image
from training.data.noise import Draw, NoiseMixture


@dataclass(frozen=True)
class TrainingPairs:
    """A batch: ``noisy`` and ``clean`` (B, C, P, P), float32 in units of [0, 1], and levels ``sigma_255`` (B,)."""

    noisy: torch.Tensor
    clean: torch.Tensor
    sigma_255: torch.Tensor


class PairSampler:
    """A source of batches of noisy and clean patches.

    Args:
        images: Photographs (H, W, C) uint8, all with the same C. Those smaller than ``patch`` are left out.
        patch: P, side of the square crops in pixels.
        batch: B, number of crops per batch.
        sigma_max: Largest noise standard deviation, 0-255 scale.
        sigma_power: sigma = sigma_max * u^sigma_power with u uniform in [0, 1]; 1 is uniform, more favors low noise.
        saturation: Largest factor that multiplies each patch's color differences, before clipping; the least is 1.
        grain: Each clean patch gets noise of standard deviation grain * u^2 on the 0-255 scale, which the network
            should keep. Real photographs have such grain; JPEG removed most of it from the training photographs.
        permute_channels: Shuffle the channels of each patch, so that no color is special.
        noise: Noise to add instead of that given by ``sigma_max`` and ``sigma_power``.
        detailed: Share of the crops that are the more detailed of two, so that smooth areas do not prevail.
        seed: Seed of all random numbers.
        rank: Process number; different ranks draw different batches.
        device: Device that keeps the images and makes the batches.

    Raises:
        ValueError: Every image is smaller than the patch.
    """

    def __init__(
        self,
        images: Sequence[UInt8Image],
        *,
        patch: int,
        batch: int,
        sigma_max: float,
        sigma_power: float = 1.0,
        saturation: float = 1.0,
        permute_channels: bool = False,
        grain: float = 0.0,
        noise: NoiseMixture | None = None,
        detailed: float = 0.0,
        seed: int = 0,
        rank: int = 0,
        device: torch.device | str = "cpu",
    ) -> None:
        usable = [image for image in images if min(image.shape[:2]) >= patch]
        if not usable:
            raise ValueError(
                f"none of the {len(images)} images is as large as the patch of {patch} x {patch}; "
                "add larger images or use a smaller patch"
            )
        self._patch, self._batch = patch, batch
        self._sigma_max, self._sigma_power = sigma_max, sigma_power
        self._saturation, self._permute_channels = saturation, permute_channels
        self._grain, self._noise, self._detailed = grain, noise, detailed
        self._seed, self._rank = seed, rank
        self._device = torch.device(device)
        flat = np.concatenate([image.reshape(-1, image.shape[2]) for image in usable])
        self._pixels = torch.from_numpy(flat).to(self._device)
        sides = torch.tensor([image.shape[:2] for image in usable], device=self._device)
        self._heights, self._widths = sides[:, 0], sides[:, 1]
        areas = self._heights * self._widths
        self._offsets = areas.cumsum(0) - areas
        self._positions = ((self._heights - patch + 1) * (self._widths - patch + 1)).double()

    def batch(self, step: int) -> TrainingPairs:
        """Make the pairs of one step; the same step always gives the same pairs."""
        generator = self._generator(step)
        crops = self._crops(generator)
        if self._detailed:
            crops = self._of_more_detail(crops, self._crops(generator), generator)
        if self._permute_channels:
            crops = self._permuted(crops, generator)
        clean = crops.float().div_(255)
        if self._saturation > 1:
            clean = self._saturated(clean, generator)
        if self._grain > 0:
            clean = self._grained(clean, generator)
        if self._noise is not None:
            pair = self._noise.pairs(clean, Draw(generator))
            level = 255 * (pair.noisy - pair.clean).square().flatten(1).mean(dim=1).sqrt()
            return TrainingPairs(pair.noisy.contiguous(memory_format=torch.channels_last), pair.clean, level)
        uniform = torch.rand(self._batch, generator=generator, device=self._device)
        sigma_255 = self._sigma_max * uniform**self._sigma_power
        noise = torch.randn(clean.shape, generator=generator, device=self._device)
        noisy = clean + noise * (sigma_255 / 255)[:, None, None, None]
        return TrainingPairs(
            noisy=noisy.contiguous(memory_format=torch.channels_last), clean=clean, sigma_255=sigma_255
        )

    def _generator(self, step: int) -> torch.Generator:
        state = np.random.SeedSequence([self._seed, self._rank, step]).generate_state(1, np.uint64)
        return torch.Generator(self._device).manual_seed(int(state[0]) >> 1)

    def _crops(self, generator: torch.Generator) -> torch.Tensor:
        """Draw crops (B, C, P, P) uint8, uniform over all positions, each in one of its eight orientations."""
        image = torch.multinomial(self._positions, self._batch, replacement=True, generator=generator)
        heights, widths = self._heights[image], self._widths[image]
        uniform = torch.rand(2, self._batch, generator=generator, device=self._device, dtype=torch.float64)
        top = (uniform[0] * (heights - self._patch + 1)).long()
        left = (uniform[1] * (widths - self._patch + 1)).long()
        turns = torch.rand(3, self._batch, 1, 1, generator=generator, device=self._device) < 0.5
        places = torch.stack([self._offsets[image], heights, widths, top, left], dim=1).tolist()
        return torch.stack(
            [self._crop(*place, *turn) for place, turn in zip(places, turns.flatten(1).T.tolist(), strict=True)]
        )

    def _crop(
        self, offset: int, height: int, width: int, top: int, left: int, flip: bool, mirror: bool, transpose: bool
    ) -> torch.Tensor:
        """Cut one crop (C, P, P) out of the image at ``offset``, and turn it."""
        whole = self._pixels[offset : offset + height * width].view(height, width, -1)
        crop = whole[top : top + self._patch, left : left + self._patch]
        turned = [axis for axis, chosen in enumerate((flip, mirror)) if chosen]
        crop = crop.flip(turned) if turned else crop
        return crop.permute(2, 1, 0) if transpose else crop.permute(2, 0, 1)

    def _of_more_detail(self, one: torch.Tensor, other: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return ``one``, but in a share ``detailed`` of the places the crop with more detail."""
        chosen = torch.rand(self._batch, generator=generator, device=self._device) < self._detailed
        take_other = chosen & (_detail(other) > _detail(one))
        return torch.where(take_other[:, None, None, None], other, one)

    def _permuted(self, crops: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Shuffle the channels of each crop."""
        order = torch.rand(crops.shape[:2], generator=generator, device=self._device).argsort(dim=1)
        return crops.gather(1, order[:, :, None, None].expand_as(crops))

    def _saturated(self, clean: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Enlarge each patch's differences from its mean channel."""
        uniform = torch.rand(len(clean), 1, 1, 1, generator=generator, device=self._device)
        gray = clean.mean(dim=1, keepdim=True)
        return gray.lerp(clean, 1 + (self._saturation - 1) * uniform).clamp_(0, 1)

    def _grained(self, clean: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Add grain to keep: each patch has its own level and its own correlation between neighbors.

        Scanners, sharpening, demosaicing and resampling leave such noise; low levels are more frequent.
        """
        batch, channels, side, _ = clean.shape
        uniform = torch.rand(3, batch, generator=generator, device=self._device)
        level = self._grain / 255 * uniform[0] ** 2
        # [a, 1, a] along rows and columns: white at a = 0, smooth above, alternating below.
        beside = torch.stack([uniform[1:] - 0.5, torch.ones_like(uniform[1:]), uniform[1:] - 0.5])
        kernels = torch.einsum("ib,jb->bij", beside[:, 0], beside[:, 1])
        kernels *= (level / kernels.flatten(1).norm(dim=1))[:, None, None]
        white = torch.randn(1, batch * channels, side + 2, side + 2, generator=generator, device=self._device)
        grain = F.conv2d(white, kernels.repeat_interleave(channels, 0)[:, None], groups=batch * channels)
        return clean + grain.view_as(clean)


def _detail(crops: torch.Tensor) -> torch.Tensor:
    """Return the mean absolute difference between neighbors of (B, C, P, P), (B,)."""
    values = crops.float()
    return values.diff(dim=2).abs().mean(dim=(1, 2, 3)) + values.diff(dim=3).abs().mean(dim=(1, 2, 3))
