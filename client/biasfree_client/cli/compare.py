"""The command ``biasfree compare``: PSNR and SSIM against the image without noise."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from biasfree_client import UnsupportedImage
from biasfree_client._extras import optional
from biasfree_client._files import of_array
from biasfree_client._image import AnyArray
from biasfree_client.cli.output import emit
from biasfree_client.cli.pixels import by_service, colors_of, read_file, white_of

#: scikit-image's window; SSIM is undefined for a smaller image.
WINDOW_PX = 7


@dataclass(frozen=True)
class Comparison:
    """The similarity of two images.

    Args:
        psnr_db: Peak signal-to-noise ratio, infinite for identical images.
        ssim: Structural similarity, of a stack the mean over its pages; None for images below 7 x 7.
    """

    psnr_db: float
    ssim: float | None


def compare_images(
    clean: AnyArray, image: AnyArray, *, bit_depth: int | None = None, channel_axis: bool | None = None
) -> Comparison:
    """Compute PSNR and SSIM as in the evaluation of the models: on [0, 1], ``image`` clamped, scikit-image's defaults.

    Args:
        clean: Image (H, W) or (H, W, C) or a stack of those, integers or floats, without alpha.
        image: Image of the same shape; its type may differ, as each is scaled by its own white.
        bit_depth: Bits per sample in use, for both.
        channel_axis: True if there is an axis C. By default it follows from the shape.

    Raises:
        UnsupportedImage: The shapes differ.
        MissingLibrary: scikit-image is not installed.
    """
    first, second = (each / white_of(each.dtype, bit_depth) for each in (clean, image))
    if first.shape != second.shape:
        raise UnsupportedImage(f"Cannot compare images of different shapes: {first.shape} and {second.shape}")
    second = np.clip(second, 0, 1)
    error = float(np.mean(np.square(first - second)))
    psnr_db = math.inf if error == 0 else -10 * math.log10(error)
    if channel_axis is None:
        channel_axis = of_array(first).channel_axis
    return Comparison(psnr_db, _ssim(first, second, channel_axis=channel_axis))


def _ssim(first: AnyArray, second: AnyArray, *, channel_axis: bool) -> float | None:
    metrics = optional("skimage.metrics", extra="compare", purpose="SSIM")
    page = first.shape[-3:] if channel_axis else first.shape[-2:]
    if min(page[:2]) < WINDOW_PX:
        return None
    pages = zip(first.reshape(-1, *page), second.reshape(-1, *page), strict=True)
    axis = -1 if channel_axis else None
    return float(np.mean([metrics.structural_similarity(*pair, data_range=1, channel_axis=axis) for pair in pages]))


def _colors(path: Path) -> tuple[AnyArray, bool]:
    """Return the samples without alpha, and whether their last axis is that of channels."""
    try:
        decoded = read_file(path, by_service)
        return colors_of(decoded.pixels, alpha=decoded.alpha), decoded.channel_axis
    except UnsupportedImage as exc:
        raise UnsupportedImage(f"{path}: {exc}") from exc


def compare(clean: Path, image: Path, *, bit_depth: int | None, as_json: bool) -> None:
    """Print PSNR and SSIM of two files. In JSON, the PSNR of identical images is null."""
    (first, channel_axis), (second, _) = _colors(clean), _colors(image)
    found = compare_images(first, second, bit_depth=bit_depth, channel_axis=channel_axis)
    if as_json:
        psnr_db = None if math.isinf(found.psnr_db) else found.psnr_db
        facts = {"a": str(clean), "b": str(image), "psnr_db": psnr_db, "ssim": found.ssim}
        emit(json.dumps({**facts, "same": psnr_db is None}) + "\n")
        return
    ssim = "undefined below 7 x 7 pixels" if found.ssim is None else f"{found.ssim:.4f}"
    psnr = "infinite, identical pixels" if math.isinf(found.psnr_db) else f"{found.psnr_db:.2f} dB"
    Console().print(f"PSNR  {psnr}\nSSIM  {ssim}", highlight=False)
