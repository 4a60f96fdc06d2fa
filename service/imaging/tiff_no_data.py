"""Pixels of a TIFF without data, by GDAL's tag: found on reading, and kept apart from all others on writing."""

from dataclasses import replace
from typing import Any

import numpy as np
from tifffile import TiffPage

from biasfree.hidden import Mask
from biasfree.pixels import PixelArray, intensity_range
from service.imaging.metadata import NO_DATA
from service.imaging.picture import Picture
from service.imaging.tiff_page import has_alpha, keeps_values


def missing_samples(page: TiffPage, samples: PixelArray) -> Mask | None:
    """Return which samples (H, W, C) have the value of missing data; None if none has.

    Args:
        page: A checked page.
        samples: Its samples (H, W, S), upright, of which alpha is not looked at.
    """
    words = page.tags.valueof(NO_DATA)
    if not isinstance(words, str) or not keeps_values(page):
        return None
    value = _value(words, samples.dtype)
    if value is None:
        return None
    colors = samples[..., :-1] if has_alpha(page) else samples
    missing: Mask = np.asarray(np.isnan(colors) if np.isnan(value) else colors == value)
    return missing if missing.any() else None


def with_data(missing: Mask | None) -> Mask | None:
    """Return which pixels (H, W) have data: those that miss not all of their samples (H, W, C); None if all have."""
    if missing is None:
        return None
    visible: Mask = np.logical_or.reduce(~missing, axis=2)
    return None if visible.all() else visible


def without_new_gaps(picture: Picture) -> Picture:
    """Move samples that became the value of missing data, by rounding or clipping, to a value beside it."""
    metadata = picture.metadata
    if not any(tag[0] == NO_DATA for tags in metadata.tiff_tags for tag in tags):
        return picture
    missing = metadata.tiff_missing or (None,) * len(picture.frames)
    pages = zip(picture.frames, metadata.tiff_tags, missing, strict=True)
    return replace(picture, frames=tuple(_without_new_gaps(*page) for page in pages))


def _without_new_gaps(frame: PixelArray, tags: tuple[tuple[Any, ...], ...], missing: Mask | None) -> PixelArray:
    words = next((tag[3].decode() for tag in tags if tag[0] == NO_DATA), "")
    value = _value(words, frame.dtype)
    if value is None or np.isnan(value):
        return frame
    new: Mask = np.equal(frame, value)
    if missing is not None:
        # After a conversion of colors, only whole pixels are known.
        new &= ~(missing if missing.shape == frame.shape else missing.all(axis=2, keepdims=True))
    if not new.any():
        return frame
    moved = frame.copy()
    for band in np.flatnonzero(new.any(axis=(0, 1))):
        moved[..., band][new[..., band]] = _beside(value, frame[..., band])
    return moved


def _beside(value: Any, band: PixelArray) -> Any:
    """Return the nearest other value, on the side where the mean of the other samples is."""
    floating = band.dtype.kind == "f"
    lowest, highest = (-np.inf, np.inf) if floating else intensity_range(band.dtype)
    others = band[band != value]
    upward = value == lowest or (value != highest and (others.size == 0 or others.mean(dtype=np.float64) >= value))
    if floating:
        return np.nextafter(value, band.dtype.type(np.inf if upward else -np.inf))
    return int(value) + (1 if upward else -1)


def _value(words: str, dtype: np.dtype[Any]) -> Any:
    """Return the value that GDAL's tag names, as a scalar of the dtype; None if the dtype has no such value."""
    try:
        number = float(words)
    except ValueError:
        return None
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            return dtype.type(number)
    if not number.is_integer():
        return None
    whole = int(words) if words.strip().lstrip("+-").isdecimal() else int(number)
    limits = np.iinfo(dtype)
    return dtype.type(whole) if limits.min <= whole <= limits.max else None
