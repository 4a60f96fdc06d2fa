"""Download, check and scale down the listed photographs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

from training.data.download import Downloads
from training.data.photos import PHOTOS, Photo
from training.data.sources import RemoteFile

#: The settings of the files that the default models learned from: Pillow's tables at quality 95.
JPEG = {"quality": 95, "subsampling": 0, "progressive": True}


@dataclass(frozen=True)
class Outcome:
    """A photograph, and the reason why it is missing; ``None`` if it is available."""

    photo: Photo
    problem: str | None = None


def scale_photos(photos: list[Photo], folder: Path, *, downloads: Downloads) -> Iterator[Outcome]:
    """Write each photograph into ``folder/photos`` unless it exists; continue past those that cannot be fetched.

    Args:
        photos: Rows of the list.
        folder: Folder of image sets; the originals stay in its ``downloads``.
        downloads: Fetches the originals into ``folder``.

    Yields:
        One outcome per photograph, in order.
    """
    target = folder / PHOTOS
    target.mkdir(parents=True, exist_ok=True)
    for photo in photos:
        if (target / photo.file).exists():
            yield Outcome(photo)
            continue
        try:
            original = downloads.fetch(_remote(photo))
        except (OSError, ValueError) as exc:
            yield Outcome(photo, problem=" ".join(str(exc).split()))
            continue
        scale_down(original, target / photo.file, size=photo.pixel_size)
        yield Outcome(photo)


def scale_down(original: Path, target: Path, *, size: tuple[int, int]) -> None:
    """Write an image upright, as an RGB JPEG scaled to ``size`` (width, height) by Lanczos, in one step."""
    with Image.open(original) as file:
        upright = ImageOps.exif_transpose(file).convert("RGB")
    partial = target.with_name(f"{target.name}.partial")
    upright.resize(size, Image.Resampling.LANCZOS).save(partial, "JPEG", **JPEG)
    partial.replace(target)


def _remote(photo: Photo) -> RemoteFile:
    return RemoteFile(str(photo.place), photo.url, f"sha256:{photo.sha256_original}")
