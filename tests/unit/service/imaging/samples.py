"""Images for the tests: small, seeded, of every kind."""

import io
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from biasfree.pixels import PixelArray
from service.imaging import ImageFormat, ImageLimits, Picture
from service.imaging.metadata import Metadata
from service.imaging.picture import picture_of

LIMITS = ImageLimits(max_pixels=1_000_000, max_frames=8)


def noise(shape: tuple[int, ...], dtype: str = "uint8", seed: int = 0) -> PixelArray:
    """Random pixels over the whole range of an integer dtype, or around zero of a float one."""
    rng = np.random.default_rng(seed)
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return (1000 * rng.standard_normal(shape)).astype(kind)
    info = np.iinfo(kind)
    return rng.integers(info.min, info.max, shape, dtype=kind, endpoint=True)


def picture(*shapes: tuple[int, ...], dtype: str = "uint8", **metadata: Any) -> Picture:
    """A picture of one page for each shape (H, W) or (H, W, S)."""
    pages = [noise(shape, dtype, seed) for seed, shape in enumerate(shapes)]
    return picture_of(pages, ImageFormat.PNG, Metadata(**metadata))


def assert_same_pixels(got: Picture, expected: Picture) -> None:
    """Frames and alpha are equal, dtype included."""
    assert got.dtype == expected.dtype
    for pages in (zip(got.frames, expected.frames, strict=True), zip(got.alpha, expected.alpha, strict=True)):
        for page, wanted in pages:
            np.testing.assert_array_equal(page, wanted, strict=True)


def pillow_file(image: PixelArray | Image.Image, format: str, **options: Any) -> bytes:
    """A file as Pillow writes it."""
    buffer = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(buffer, format, **options)
    return buffer.getvalue()


@cache
def srgb_profile() -> bytes:
    """An ICC profile of RGB; it contains the time at which it was made."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
