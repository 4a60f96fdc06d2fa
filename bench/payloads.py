"""Requests with images of noise, since the content does not affect the time."""

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from bench.load import Request

#: The path with a fixed network, because without a name the service may try two.
PATH = "/denoise?model=gray"
UINT8, FLOAT32 = np.dtype(np.uint8), np.dtype(np.float32)


def noise(rng: np.random.Generator, height: int, width: int, dtype: np.dtype[np.generic]) -> npt.NDArray[np.generic]:
    """Return a gray image (H, W): 0..255 as uint8, 0..1 as float32."""
    if dtype == UINT8:
        return rng.integers(0, 256, (height, width), dtype=np.uint8)
    return rng.random((height, width), dtype=np.float32)


def as_npy(image: npt.NDArray[np.generic]) -> Request:
    """Return a request with an image (H, W) as NPY."""
    buffer = io.BytesIO()
    np.save(buffer, image)
    return Request(PATH, "application/x-npy", buffer.getvalue(), image.size)


def as_png(image: npt.NDArray[np.generic]) -> Request:
    """Return a request with an image (H, W), uint8, as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return Request(PATH, "image/png", buffer.getvalue(), image.size)
