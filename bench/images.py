"""Requests with noisy photographs, the same in every run."""

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import skimage.data
from PIL import Image

from bench.load import Request
from bench.payloads import PATH

SIGMA_255 = 25

Photograph = npt.NDArray[np.float32]


def noisy_photograph(height: int, width: int, *, seed: int = 0) -> Photograph:
    """Return a photograph (H, W), float32, around [0, 1], with Gaussian noise of sigma 25; mirrored if too small."""
    clean: npt.NDArray[np.uint8] = skimage.data.camera()  # type: ignore[no-untyped-call]  # it has no types
    pad = ((0, max(0, height - clean.shape[0])), (0, max(0, width - clean.shape[1])))
    clean = np.pad(clean, pad, mode="symmetric")[:height, :width]
    noise = np.random.default_rng(seed).standard_normal((height, width), np.float32)
    return clean.astype(np.float32) / 255 + SIGMA_255 / 255 * noise


def mixed_sides(count: int, *, smallest: int = 64, largest: int = 2048, seed: int = 0) -> Sequence[int]:
    """Draw sides of squares, log-uniform."""
    logarithms = np.random.default_rng(seed).uniform(np.log(smallest), np.log(largest), count)
    return [round(float(side)) for side in np.exp(logarithms)]


def npy(image: Photograph, *, path: str = PATH) -> Request:
    """Return a request with the image as float32 NPY."""
    buffer = io.BytesIO()
    np.save(buffer, image)
    return Request(path, "application/x-npy", buffer.getvalue(), image.size)


def png(image: Photograph, *, path: str = PATH) -> Request:
    """Return a request with the image as 8-bit gray PNG."""
    buffer = io.BytesIO()
    Image.fromarray(np.rint(image * 255).clip(0, 255).astype(np.uint8)).save(buffer, "PNG")
    return Request(path, "image/png", buffer.getvalue(), image.size)
