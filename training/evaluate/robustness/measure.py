"""Measurements of denoisers on the cases and on real pairs."""

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from biasfree.card import CaseScore
from training.data.images import NamedImage, read_pairs
from training.evaluate.metrics import FloatImage, psnr_db
from training.evaluate.robustness.cases import CASES, Disturbed, Mask
from training.evaluate.scores import ImageDenoiser

#: Number of images of a folder that the cases are made from, and the side of their central crops in pixels.
COUNT = 6
SIDE = 256


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
            scores += _scores(case, denoiser, disturb(images, case))
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
) -> CaseScore:
    """Measure a denoiser on real pairs: files with equal names in ``noisy`` and ``clean`` below ``folder``.

    Raises:
        ValueError: The names of the files or the sizes of a pair differ.
    """
    whole = [_pair(noisy, clean) for noisy, clean in read_pairs(folder, channels=channels)]
    score = _scores(f"{folder.name} ({len(whole)} pairs)", denoiser, whole)[0]
    done(score.case)
    return score


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


def _scores(case: str, denoiser: ImageDenoiser, disturbed: Sequence[Disturbed]) -> list[CaseScore]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        denoised = list(pool.map(lambda each: denoiser(each.noisy), disturbed))
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
