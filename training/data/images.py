"""Photographs read from a folder into memory, as uint8."""

import hashlib
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})

UInt8Image = npt.NDArray[np.uint8]

#: Exceptions that Pillow raises on files that it cannot read.
_UNREADABLE = (OSError, EOFError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError)


@dataclass(frozen=True)
class NamedImage:
    """One image: its path below the folder, its pixels (H, W, C) uint8, and the SHA-256 of the file."""

    name: str
    pixels: UInt8Image
    sha256: str

    @property
    def size(self) -> str:
        """Return width and height in words, such as ``640 x 480``."""
        height, width = self.pixels.shape[:2]
        return f"{width} x {height}"

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
        ValueError: The folder does not exist, has no image in it, or has one that cannot be read.
    """
    paths = image_paths(folder)
    return [read_image(path, name=path.relative_to(folder).as_posix(), channels=channels) for path in paths]


def image_paths(folder: Path) -> list[Path]:
    """List every image below a folder, sorted; arguments and errors as for ``read_folder``."""
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder" if folder.exists() else f"there is no folder {folder}")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise ValueError(f"no images in {folder} or its subfolders; supported: {', '.join(sorted(SUFFIXES))}")
    return paths


def read_pairs(folder: Path, *, channels: int) -> list[tuple[NamedImage, NamedImage]]:
    """Read pairs of noisy and clean images: the files with equal names in ``noisy`` and ``clean`` below a folder.

    Raises:
        ValueError: One of the two has no image, or the names of their files or the sizes of a pair differ.
    """
    noisy, clean = (read_folder(folder / kind, channels=channels) for kind in ("noisy", "clean"))
    alone = {image.name for image in noisy} ^ {image.name for image in clean}
    if alone:
        raise ValueError(
            f"{folder / 'noisy'} and {folder / 'clean'} must have files with the same names; "
            f"{min(alone)} is in one of them only"
        )
    pairs = list(zip(noisy, clean, strict=True))
    for one, other in pairs:
        if one.pixels.shape != other.pixels.shape:
            raise ValueError(
                f"the two images of a pair must have the same size, but {one.name} has {one.size} pixels in "
                f"{folder / 'noisy'} and {other.size} in {folder / 'clean'}"
            )
    return pairs


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
    pixels = np.asarray(_converted(open_image(path), "L" if channels == 1 else "RGB", path))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return NamedImage(name or path.name, pixels.reshape(*pixels.shape[:2], channels), sha256)


def open_image(path: Path) -> Image.Image:
    """Read one image upright, with 8 bits per channel, in a mode of Pillow.

    Gray images of 16 bits are scaled by 255 / 65535 and rounded. Pillow itself drops the low byte of 16-bit RGB.

    Raises:
        ValueError: The file is missing, damaged or too large, or its pixels are floats or have 32 bits.
    """
    try:
        with Image.open(path) as file:
            upright = ImageOps.exif_transpose(file)
            upright.load()
    except UnidentifiedImageError as exc:
        raise ValueError(f"cannot read {path}: it is not an image that Pillow supports") from exc
    except _UNREADABLE as exc:
        raise ValueError(f"cannot read {path}: {getattr(exc, 'strerror', None) or exc}") from exc
    if upright.mode.startswith("I;16"):
        # 65535 / 255 = 257
        return Image.fromarray(np.rint(np.asarray(upright) / 257).astype(np.uint8))
    if upright.mode in ("I", "F"):
        kind = "floats" if upright.mode == "F" else "32-bit integers"
        raise ValueError(f"{path} has {kind} as pixels, whose white is unknown; save it with 8 or 16 bits per channel")
    return upright


def _converted(image: Image.Image, mode: str, path: Path) -> Image.Image:
    try:
        return image.convert(mode)
    except ValueError as exc:
        raise ValueError(f"cannot convert {path} from {image.mode} to {mode}: save it as gray or RGB") from exc
