"""Measurements of denoisers on the cases and on real pairs."""

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from scipy import ndimage
from skimage.registration import phase_cross_correlation

from biasfree.card import CaseScore
from training.data.images import NamedImage, read_pairs
from training.evaluate.metrics import FloatImage, psnr_db
from training.evaluate.robustness.cases import CASES, Disturbed, Mask
from training.evaluate.scores import ImageDenoiser

#: Number of images of a folder that the cases are made from, and the side of their central crops in pixels.
COUNT = 6
SIDE = 256
#: The region of real pairs whose clean images were moved, and the border that is left out there, pixels.
REGISTERED, BORDER_PX = "registered", 16


def measure_cases(
    denoiser: ImageDenoiser,
    images: Sequence[NamedImage],
    *,
    cases: Collection[str] = tuple(CASES),
    done: Callable[[str], None] = lambda case: None,
) -> list[CaseScore]:
    """Measure a denoiser on cases, with seeded noise that is the same for every denoiser.

    Args:
        denoiser: The denoiser to measure.
        images: Clean images; the first ``COUNT`` are used.
        cases: Names of the cases; defaults to all.
        done: Called with each case after its measurement.
    """
    scores = []
    for case in CASES:
        if case in cases:
            disturbed = disturb(images, case)
            scores += _scores(case, disturbed, _denoised(denoiser, disturbed))
            done(case)
    return scores


def disturb(images: Sequence[NamedImage], case: str) -> list[Disturbed]:
    """Make the images of a case from the first ``COUNT`` clean images."""
    number = [*CASES].index(case)
    return [
        CASES[case](_middle(image.unit), np.random.default_rng([number, index]))
        for index, image in enumerate(images[:COUNT])
    ]


def measure_pairs(
    denoiser: ImageDenoiser, folder: Path, *, channels: int, done: Callable[[str], None] = lambda case: None
) -> list[CaseScore]:
    """Measure a denoiser on real pairs: files with equal names in ``noisy`` and ``clean`` below ``folder``.

    Returns:
        The score of the pairs as they are, and the score after the clean images were ``registered``.

    Raises:
        ValueError: The names of the files or the sizes of a pair differ.
    """
    whole = [_pair(noisy, clean) for noisy, clean in read_pairs(folder, channels=channels)]
    case, denoised = f"{folder.name} ({len(whole)} pairs)", _denoised(denoiser, whole)
    scores = _scores(case, whole, denoised) + _scores(case, [registered(each) for each in whole], denoised)
    done(case)
    return scores


def registered(pair: Disturbed) -> Disturbed:
    """Move the clean image of a real pair onto the noisy one, by the shift (H, W) that cross-correlation finds.

    A camera moves between exposures: by fractions of a pixel, but an edge moved by half a pixel is an error that no
    denoiser can remove. The image is interpolated in the Fourier domain, which blurs nothing.
    """
    clean, noisy = (_windowed(image) for image in (pair.clean, pair.noisy))
    shift, *_ = phase_cross_correlation(noisy, clean, upsample_factor=100, normalization=None)  # type: ignore[no-untyped-call]
    width = min(BORDER_PX, min(pair.clean.shape[:2]) // 4)
    inner = (slice(width, -width), slice(width, -width))
    padded = np.pad(pair.clean, ((width, width), (width, width), (0, 0)), mode="reflect")
    moved = np.fft.ifft2(ndimage.fourier_shift(np.fft.fft2(padded, axes=(0, 1)), (*shift, 0)), axes=(0, 1)).real
    mask = np.zeros(pair.clean.shape[:2], dtype=np.bool_)
    mask[inner] = True
    return Disturbed(pair.noisy, moved[inner].astype(np.float32), {REGISTERED: mask})


def _windowed(image: FloatImage) -> FloatImage:
    """Return the contrast of an image (H, W, C), fading to zero at the border: the Fourier transform is periodic."""
    gray = image.mean(axis=2)
    height, width = gray.shape
    faded: FloatImage = (gray - gray.mean()) * np.outer(np.hanning(height), np.hanning(width))
    return faded


def is_gray(folder: Path) -> bool:
    """Tell whether every noisy image of a folder of pairs is gray.

    Raises:
        ValueError: The pairs do not match.
    """
    pairs = read_pairs(folder, channels=3)
    return all(bool((noisy.pixels == noisy.pixels[..., :1]).all()) for noisy, _ in pairs)


def _pair(noisy: NamedImage, clean: NamedImage) -> Disturbed:
    return Disturbed(noisy.unit, clean.unit, {"": np.ones(clean.pixels.shape[:2], dtype=np.bool_)})


def _middle(image: FloatImage) -> FloatImage:
    top, left = (max(0, side - SIDE) // 2 for side in image.shape[:2])
    return image[top : top + SIDE, left : left + SIDE]


def _denoised(denoiser: ImageDenoiser, disturbed: Sequence[Disturbed]) -> list[FloatImage]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda each: denoiser(each.noisy), disturbed))


def _scores(case: str, disturbed: Sequence[Disturbed], denoised: Sequence[FloatImage]) -> list[CaseScore]:
    results = list(zip(denoised, disturbed, strict=True))
    return [
        CaseScore(
            case=case,
            region=region,
            input_psnr_db=_mean((each.noisy, each.clean, each.regions[region]) for each in disturbed),
            psnr_db=_mean((image, each.clean, each.regions[region]) for image, each in results),
        )
        for region in disturbed[0].regions
    ]


def _mean(parts: Iterable[tuple[FloatImage, FloatImage, Mask]]) -> float:
    return round(float(np.mean([psnr_db(clean[mask], image[mask]) for image, clean, mask in parts])), 3)
