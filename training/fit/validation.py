"""The quick measurement of a network while it trains: images kept out of training, and the PSNR on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from training.data.images import NamedImage, read_folder, read_pairs
from training.data.overlap import overlapping
from training.evaluate.metrics import FloatImage, add_noise, psnr_db

#: Largest number of images held out of training if no validation folder is given; of a small folder, one in four.
HELD_OUT, ONE_IN = 8, 4
#: Noise level added to clean images, 0-255 scale.
SIGMA_255 = 25.0
#: Side of the central crops in pixels, small enough for a measurement to take seconds.
SIDE = 256


@dataclass(frozen=True)
class Pair:
    """A noisy and a clean image (H, W, C), float32 in [0, 1]; ``name`` is that of the file."""

    name: str
    noisy: FloatImage
    clean: FloatImage


def split(images: Path, validation: Path | None, *, channels: int) -> tuple[list[NamedImage], list[Pair]]:
    """Read the images to train on and the pairs to measure on.

    Training images that are also in the validation set, or show a part of one of its images, are left out.

    Args:
        images: Folder of photographs.
        validation: Folder of clean images, to which white noise of ``SIGMA_255`` is added, or of real pairs (equal
            names in ``noisy`` and ``clean``); if None, some of ``images`` are held out.
        channels: 1 reads gray, 3 reads RGB.

    Raises:
        ValueError: A folder has no images, pairs do not match, or no image to train on is left.
    """
    pairs: list[tuple[NamedImage, NamedImage]] = []
    clean: list[NamedImage] = []
    if validation is not None and has_pairs(validation):
        pairs = read_pairs(validation, channels=channels)
        clean = [other for _, other in pairs]
    elif validation is not None:
        clean = read_folder(validation, channels=channels)
    everything = read_folder(images, channels=channels)
    if validation is None:
        clean = _held_out(everything)
    measured = [*clean, *(noisy for noisy, _ in pairs)]
    left_out = {image.sha256 for image in [*measured, *overlapping(everything, clean)]}
    trained = [image for image in everything if image.sha256 not in left_out]
    if not trained:
        raise ValueError(
            f"all {len(everything)} image(s) in {images} are left out of training, because the validation measures on "
            "them or on a part of them: use other images, or another --validation"
        )
    return trained, _real(pairs) if pairs else _with_noise(clean)


def has_pairs(validation: Path) -> bool:
    """Tell whether a validation folder has real pairs instead of clean images."""
    return (validation / "noisy").is_dir()


def _held_out(images: Sequence[NamedImage]) -> list[NamedImage]:
    """Choose images at equal distances."""
    count = min(HELD_OUT, max(1, len(images) // ONE_IN))
    return list(images[:: len(images) // count][:count])


class Validation:
    """A measurement of the mean PSNR over pairs.

    Args:
        pairs: Pairs of which nothing is trained on.
        device: Device that runs the network.
    """

    def __init__(self, pairs: Sequence[Pair], *, device: torch.device) -> None:
        self._pairs, self._device = pairs, device

    @torch.no_grad()
    def __call__(self, network: nn.Module) -> float:
        """Measure the PSNR of a network in dB and restore the network's mode."""
        was_training = network.training
        network.eval()
        values = [self._psnr_db(network, pair) for pair in self._pairs]
        network.train(was_training)
        return float(np.mean(values))

    def _psnr_db(self, network: nn.Module, pair: Pair) -> float:
        noisy = torch.from_numpy(pair.noisy).to(self._device)
        denoised = network(noisy.permute(2, 0, 1)[None])[0].permute(1, 2, 0)
        return psnr_db(pair.clean, denoised.cpu().numpy())


def _with_noise(images: Sequence[NamedImage]) -> list[Pair]:
    pairs = []
    for index, image in enumerate(images):
        clean = _center(image.unit)
        pairs.append(Pair(image.name, add_noise(clean, sigma_255=SIGMA_255, index=index), clean))
    return pairs


def _real(pairs: Sequence[tuple[NamedImage, NamedImage]]) -> list[Pair]:
    return [Pair(one.name, np.ascontiguousarray(_center(one.unit)), _center(other.unit)) for one, other in pairs]


def _center(image: FloatImage) -> FloatImage:
    top, left = (max(0, side - SIDE) // 2 for side in image.shape[:2])
    return image[top : top + SIDE, left : left + SIDE]
