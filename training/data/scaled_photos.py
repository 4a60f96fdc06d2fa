"""The photographs of the list: originals downloaded, checked and scaled down."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

from training.data.download import Downloads
from training.data.photos import PHOTOS, Photo
from training.data.sources import RemoteFile

#: As in the files that the default models learned from, whose tables are Pillow's at quality 95.
JPEG = {"quality": 95, "subsampling": 0, "progressive": True}


@dataclass(frozen=True)
class Outcome:
    """A photograph, and why it could not be had; ``None`` if it is there."""

    photo: Photo
    problem: str | None = None


def scale_photos(photos: list[Photo], folder: Path, *, downloads: Downloads) -> Iterator[Outcome]:
    """Write each photograph into ``folder/photos``, unless it is there; continue past those that cannot be had.

    Args:
        photos: Rows of the list.
        folder: Folder of image sets; the originals stay in its downloads.
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
    """Write an image upright, in RGB, at ``size`` (width, height), by Lanczos, as JPEG; whole or not at all."""
    with Image.open(original) as file:
        upright = ImageOps.exif_transpose(file).convert("RGB")
    partial = target.with_name(f"{target.name}.partial")
    upright.resize(size, Image.Resampling.LANCZOS).save(partial, "JPEG", **JPEG)
    partial.replace(target)


def _remote(photo: Photo) -> RemoteFile:
    return RemoteFile(str(photo.place), photo.url, f"sha256:{photo.sha256_original}")
