"""The value of white, and the color samples of an image, for the commands that work without the service."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from biasfree_client import BiasfreeError, Denoiser, ProblemError, Retries
from biasfree_client._errors import UnsupportedImage
from biasfree_client._files import Decoded, decode, of_array
from biasfree_client._image import AnyArray


def white_of(dtype: np.dtype[Any], bit_depth: int | None = None) -> float:
    """Return the value of white, by the service's rule: that of ``bit_depth``, 1 for floats, or the integers' maximum.

    Raises:
        UnsupportedImage: The dtype is neither an integer nor a float.
    """
    if bit_depth is not None:
        return float(2**bit_depth - 1)
    if np.issubdtype(dtype, np.floating):
        return 1.0
    if np.issubdtype(dtype, np.integer):
        return float(np.iinfo(dtype).max)
    raise UnsupportedImage(f"Pixels must be integers or floats, not {dtype}")


def colors_of(pixels: AnyArray, *, alpha: bool) -> AnyArray:
    """Return a view of the samples without alpha, (..., H, W) or (..., H, W, C).

    Raises:
        UnsupportedImage: The array is not an image.
    """
    if pixels.ndim < 2 or not pixels.size:
        raise UnsupportedImage(f"An array of shape {pixels.shape} is not an image")
    return pixels[..., :-1] if alpha else pixels


def read_file(path: Path, ask: Callable[[bytes], AnyArray] | None = None) -> Decoded:
    """Read an image file by the rules of the service; ask the service itself about a format that is not read here.

    Args:
        path: The file.
        ask: Returns the pixels by the service.

    Raises:
        UnsupportedImage: It is no image, or of a format that is not read here, and the service is not there.
        OSError: The file cannot be read.
    """
    content = path.read_bytes()
    try:
        return decode(content)
    except UnsupportedImage as exc:
        if ask is None:
            raise
        try:
            return of_array(ask(content))
        except ProblemError as refused:
            raise UnsupportedImage(f"{exc}. The service: {refused}") from refused
        except BiasfreeError:
            raise exc from None


def by_service(content: bytes) -> AnyArray:
    """Return the pixels of a file as the service reads them: denoised with a strength of 0."""
    with Denoiser(retries=Retries(tries=1)) as denoiser:
        return denoiser.denoise(content, strength=0.0, format="npy").array
