"""Photographs read from a folder into memory, as uint8."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})

UInt8Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class NamedImage:
    """One image: its path below the folder, its pixels (H, W, C) uint8, and the SHA-256 of the file."""

    name: str
    pixels: UInt8Image
    sha256: str

    @property
    def unit(self) -> npt.NDArray[np.float32]:
        """Return the pixels in [0, 1], float32."""
        return self.pixels.astype(np.float32) / np.float32(255)


def read_folder(folder: Path, *, channels: int) -> list[NamedImage]:
    """Read every image below a folder, in the order of the sorted paths.

    Args:
        folder: Folder, searched recursively for files with one of ``SUFFIXES``.
        channels: 1 converts to gray as Pillow's ``convert("L")`` does, 3 to RGB.

    Raises:
        ValueError: There is no image below ``folder``.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise ValueError(f"no images in {folder} or its subfolders; supported: {', '.join(sorted(SUFFIXES))}")
    return [read_image(path, name=path.relative_to(folder).as_posix(), channels=channels) for path in paths]


def read_pairs(folder: Path, *, channels: int) -> list[tuple[NamedImage, NamedImage]]:
    """Read pairs of noisy and clean images: the files with equal names in ``noisy`` and ``clean`` below a folder.

    Raises:
        ValueError: One of the two has no image, or the names of their files differ.
    """
    noisy, clean = (read_folder(folder / kind, channels=channels) for kind in ("noisy", "clean"))
    if [image.name for image in noisy] != [image.name for image in clean]:
        raise ValueError(f"{folder / 'noisy'} and {folder / 'clean'} must have files with the same names")
    return list(zip(noisy, clean, strict=True))


def rescaled(pixels: UInt8Image, scale: float) -> UInt8Image:
    """Scale an image (H, W, C) uint8 by Lanczos; a scale of 1 returns the image itself."""
    if scale == 1:
        return pixels
    height, width, channels = pixels.shape
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    image = Image.fromarray(pixels.squeeze(2) if channels == 1 else pixels).resize(size, Image.Resampling.LANCZOS)
    return np.asarray(image).reshape(size[1], size[0], channels)


def read_image(path: Path, *, channels: int, name: str | None = None) -> NamedImage:
    """Read one image, as ``read_folder`` does. ``name`` defaults to the file's name."""
    with Image.open(path) as file:
        upright = ImageOps.exif_transpose(file)
        pixels = np.asarray(upright.convert("L" if channels == 1 else "RGB"))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return NamedImage(name or path.name, pixels.reshape(*pixels.shape[:2], channels), sha256)
