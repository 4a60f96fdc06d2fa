"""What an engine's arithmetic costs in quality."""

import numpy as np
import numpy.typing as npt
import skimage.data

from service.inference.engine import Engine

SIGMAS_255 = (0, 5, 10, 25, 50, 100)
PHOTOGRAPHS = ("camera", "coins", "moon")
LOSS_OVER = f"largest mean over {len(PHOTOGRAPHS)} photographs at sigma {', '.join(map(str, SIGMAS_255))}"


def psnr_loss_db(reference: Engine, engine: Engine) -> float:
    """PSNR that ``engine`` has less than ``reference``: mean over photographs, at the noise level where it is most.

    Args:
        reference: The engine to compare with.
        engine: The engine in question, with the same models.
    """
    return max(float(np.mean(_losses(reference, engine, sigma))) for sigma in SIGMAS_255)


def _losses(reference: Engine, engine: Engine, sigma_255: float) -> list[float]:
    losses = []
    for seed, name in enumerate(PHOTOGRAPHS):
        clean = (getattr(skimage.data, name)() / 255).astype(np.float32)
        noise = np.random.default_rng(seed).standard_normal(clean.shape, np.float32)
        noisy = (clean + np.float32(sigma_255 / 255) * noise)[None, None]
        losses.append(_psnr_db(clean, reference.run("gray", noisy)) - _psnr_db(clean, engine.run("gray", noisy)))
    return losses


def _psnr_db(clean: npt.NDArray[np.float32], denoised: npt.NDArray[np.float32]) -> float:
    return float(-10 * np.log10(np.mean((clean - denoised[0, 0].clip(0, 1)) ** 2)))
