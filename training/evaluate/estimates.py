"""``estimates``: compare the service's estimates of noise level and PSNR with the truth.

The estimates come from ``biasfree.frames``, the code of the service, which sees no clean image.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.table import Table

from biasfree import frames
from biasfree.options import DenoiseOptions
from training.data.images import read_folder
from training.evaluate.metrics import FloatImage, add_noise
from training.evaluate.model_file import model_file
from training.evaluate.onnx_model import OnnxDenoiser
from training.evaluate.robustness.cases import CASES
from training.evaluate.robustness.measure import disturb
from training.evaluate.scores import denoise_planes


@dataclass(frozen=True)
class EstimateErrors:
    """Means and standard deviations over images with one kind of noise.

    Attributes:
        noise: The true level of white noise, 0-255 scale, or the name of a case.
        estimated_255: The estimated level, 0-255 scale.
        psnr_error_db: Estimated minus true PSNR in dB, over the images whose PSNR is not withheld; NaN without any.
    """

    noise: str
    estimated_255: tuple[float, float]
    psnr_error_db: tuple[float, float]


def measure_estimates(
    model: str | Path, images: Path, sigmas_255: Sequence[float], cases: Sequence[str] = ()
) -> list[EstimateErrors]:
    """Compare estimates with the truth on clean images with seeded noise.

    Args:
        model: Name of a shipped model, or a model file.
        images: Folder of clean images.
        sigmas_255: Levels of white noise, 0-255 scale.
        cases: Names of cases of ``training robustness``, on central crops of the first images.

    Raises:
        ValueError: ``model`` is neither a shipped model nor a model file, there are no images, or no case has a name.
    """
    unknown = [case for case in cases if case not in CASES]
    if unknown:
        raise ValueError(f"there is no case {unknown[0]!r}: choose from {', '.join(CASES)}")
    denoiser = OnnxDenoiser(model_file(model))
    clean = read_folder(images, channels=denoiser.channels)
    rows = []
    for sigma_255 in sigmas_255:
        noisy = [add_noise(image.unit, sigma_255=sigma_255, index=index) for index, image in enumerate(clean)]
        rows.append(_measure(denoiser, f"{sigma_255:g}", zip(noisy, (image.unit for image in clean), strict=True)))
    rows += [_measure(denoiser, case, ((each.noisy, each.clean) for each in disturb(clean, case))) for case in cases]
    return rows


def table(rows: Sequence[EstimateErrors]) -> Table:
    """Return the errors as a table for the terminal."""
    result = Table("noise", "sigma estimated", "PSNR estimated - true, dB")
    for row in rows:
        estimated, error = row.estimated_255, row.psnr_error_db
        result.add_row(row.noise, f"{estimated[0]:.2f} +- {estimated[1]:.2f}", f"{error[0]:+.2f} +- {error[1]:.2f}")
    return result


def _measure(denoiser: OnnxDenoiser, noise: str, images: Iterable[tuple[FloatImage, FloatImage]]) -> EstimateErrors:
    levels, errors = zip(*(_one(denoiser, noisy, clean) for noisy, clean in images), strict=True)
    return EstimateErrors(noise, _spread(levels), _spread([error for error in errors if error is not None]))


def _one(denoiser: OnnxDenoiser, noisy: FloatImage, clean: FloatImage) -> tuple[float, float | None]:
    """Return the estimated level, and the estimated minus the true PSNR, or None if the service withholds the PSNR.

    The result is not clamped for the true PSNR, since the estimate knows no range.
    """
    passes = frames.denoise_frame(noisy, DenoiseOptions(estimate=True))
    result = frames.run(passes, lambda request: denoise_planes(denoiser, request.noisy))
    assert result.measured is not None
    noise = result.measured.noise_of(white=frames.FLOAT_WHITE)
    true_db = -10 * float(np.log10(np.mean((result.frame - clean) ** 2)))
    return noise.level, None if noise.psnr_db is None else noise.psnr_db - true_db


def _spread(values: Sequence[float]) -> tuple[float, float]:
    """Return mean and standard deviation; NaN without values."""
    return (float(np.mean(values)), float(np.std(values))) if values else (np.nan, np.nan)
