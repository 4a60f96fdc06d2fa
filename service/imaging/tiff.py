"""TIFF through tifffile: every dtype, many pages."""

import io
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
from tifffile import PHOTOMETRIC, TIFF, TiffFile, TiffFrame, TiffPage, TiffWriter

from service.errors import UndecodableImage, UnsupportedMedia
from service.imaging.bits import depth_in_use
from service.imaging.formats import ImageFormat
from service.imaging.library_errors import silence
from service.imaging.limits import ImageLimits
from service.imaging.metadata import Metadata, TiffForm, sound_dpi
from service.imaging.orientation import UPRIGHT, turned, upright
from service.imaging.picture import Picture, picture_of
from service.imaging.tiff_description import Change
from service.imaging.tiff_no_data import missing_samples, with_data, without_new_gaps
from service.imaging.tiff_page import (
    allocated_px,
    check_page,
    form_of,
    gray_channels,
    has_alpha,
    inverted_bits,
    premultiplied,
    read_samples,
)
from service.imaging.tiff_tags import BYTE_ORDER, current_tags, kept_tags

ORIENTATION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT, ICC = 274, 282, 283, 296, 34675
NO_UNIT, INCH = 1, 2
INCHES_PER_UNIT = {INCH: 1.0, 3: 1 / 2.54}

# Classic TIFF addresses 32 bits; the margin is for tags.
BIGTIFF_BYTES = 2**32 - 2**25


def read(data: bytes, limits: ImageLimits) -> Picture:
    """Decode every page, except thumbnails and masks (NewSubfileType), which would show the old pixels."""
    silence("tifffile")
    with TiffFile(io.BytesIO(data)) as tif:
        listed = _listed(tif, limits.max_frames + 1, len(data))
        limits.check(pixels=0, frames=len(listed), counted=False)
        if not listed:
            raise UndecodableImage("the TIFF is incomplete: it ends before the list of its pages")
        full = [page for page in listed if isinstance(page, TiffPage)]
        pages = [page for page in full if not (page.is_reduced or page.is_mask)] or full
        limits.check(pixels=sum(allocated_px(page) for page in pages))
        limits.check_channels(sum(page.samplesperpixel for page in pages))
        for page in pages:
            check_page(page, len(data))
        _check_stack(tif, pages)
        samples = [upright(read_samples(page), _orientation(page)) for page in pages]
        alpha = [has_alpha(page) for page in pages]
        missing = [missing_samples(page, frame) for page, frame in zip(pages, samples, strict=True)]
        metadata = replace(_metadata(pages, len(data)), tiff_missing=tuple(missing))
    if len({(page.dtype, page.shape[2] - with_alpha) for page, with_alpha in zip(samples, alpha, strict=True)}) > 1:
        raise UnsupportedMedia(
            "the TIFF has pages of several dtypes or colors: split it", supported=["one dtype and color"]
        )
    bits = max(page.bitspersample for page in pages)
    # Fewer bits have been spread over 8.
    bit_depth = depth_in_use(samples, bits) if bits > 8 else None
    dropped = len(full) - len(pages)
    warning = f"{dropped} page(s) with a smaller copy or a mask were left out" if dropped else ""
    picture = picture_of(samples, ImageFormat.TIFF, metadata, alpha=alpha, bit_depth=bit_depth, warning=warning)
    visible = tuple(with_data(each) for each in missing)
    return replace(picture, with_data=visible) if any(each is not None for each in visible) else picture


def write(picture: Picture) -> bytes:
    """Encode every frame as a separate page, uncompressed, planar if the page that was read was planar.

    Compression is too slow. Deflate at level 1 with predictor, for a denoised photograph, in megapixels per second and
    bytes per pixel: uint8 146, 0.51 of 1; uint16 6, 1.60 of 2; float32 10, 2.80 of 4. Without compression: 2000.
    """
    buffer, picture = io.BytesIO(), without_new_gaps(picture)
    metadata, alpha = picture.metadata, "assocalpha" if picture.metadata.premultiplied else "unassalpha"
    rgb = (picture.channels == 3 and not metadata.gray_channels) or (metadata.rgb_first and picture.channels > 3)
    further = picture.channels - (3 if rgb else 1)
    nbytes = sum(page.nbytes for page in (*picture.frames, *picture.alpha) if page is not None)
    samples = nbytes // picture.dtype.itemsize
    tags = metadata.tiff_tags or [()] * len(picture.frames)
    with TiffWriter(buffer, byteorder=BYTE_ORDER, bigtiff=nbytes > BIGTIFF_BYTES) as tif:
        for index, page_alpha in enumerate(picture.alpha):
            raster = picture.raster(index)
            change = _change(picture, index)
            planar = raster.ndim == 3 and change is not None and change.before.planar
            if planar:
                raster = np.moveaxis(raster, -1, 0)
            tif.write(
                raster,
                photometric="rgb" if rgb else "minisblack",
                planarconfig="separate" if planar else "contig" if raster.ndim == 3 else None,
                extrasamples=["unspecified"] * further + ([alpha] if page_alpha is not None else []) or None,
                iccprofile=metadata.icc_for(picture.channels),
                resolution=metadata.dpi or metadata.unitless_resolution,
                resolutionunit="inch" if metadata.dpi else "none" if metadata.unitless_resolution else None,
                software=False,
                metadata=None,
                extratags=list(current_tags(tags[index], change, raster.shape, samples)),
            )
    return buffer.getvalue()


def _change(picture: Picture, index: int) -> Change | None:
    """Return the change of a page's samples since it was read; None if it was no page of a TIFF."""
    metadata = picture.metadata
    if not metadata.tiff_forms:
        return None
    samples = picture.channels + (picture.alpha[index] is not None)
    return Change(metadata.tiff_forms[index], TiffForm(samples, picture.dtype.name), metadata.tiff_scale)


def _listed(tif: TiffFile, most: int, file_bytes: int) -> list[TiffPage | TiffFrame]:
    """List the pages, at most so many: a file can consist of nothing but pages, or of pages in a cycle.

    Raises:
        UndecodableImage: Pages share the bytes of tags, which tifffile loads for each of them.
    """
    listed: list[TiffPage | TiffFrame] = []
    left = 2 * file_bytes
    for page in islice(tif.pages, most):
        if isinstance(page, TiffPage):
            left -= sum(tag.valuebytecount for tag in page.tags if tag.code in TIFF.TAG_LOAD)
        if left < 0:
            raise UndecodableImage("the tags of the TIFF are longer than the file: it is damaged")
        listed.append(page)
    return listed


def _check_stack(tif: TiffFile, pages: list[TiffPage]) -> None:
    """Refuse the two dialects that put several images in one page."""
    images = (tif.imagej_metadata or {}).get("images") if tif.is_imagej else None
    if (isinstance(images, int) and images > len(pages)) or '"truncated": true' in pages[0].description:
        raise UnsupportedMedia("the TIFF has several images in one page: save one page per image", supported=["pages"])


def _orientation(page: TiffPage) -> int:
    return int(_number(page.tags.valueof(ORIENTATION, UPRIGHT)) or UPRIGHT)


def _number(value: Any) -> float | None:
    """Return the first number of a tag of any type: a fraction, a number, or several of them."""
    if isinstance(value, tuple) and len(value) == 2 and all(isinstance(part, int) for part in value) and value[1]:
        return float(value[0] / value[1])
    first = value[0] if isinstance(value, tuple) and value else value
    return float(first) if isinstance(first, int | float) else None


def _metadata(pages: list[TiffPage], file_bytes: int) -> Metadata:
    """Return the metadata of the first page, which are written to each, and the further tags of every page."""
    page = pages[0]
    icc, orientation = page.tags.valueof(ICC), _orientation(page)
    x, y = (_number(page.tags.valueof(tag)) for tag in (X_RESOLUTION, Y_RESOLUTION))
    unit = int(_number(page.tags.valueof(RESOLUTION_UNIT, INCH)) or INCH)
    resolution = None if x is None or y is None else (x, y)
    inches = INCHES_PER_UNIT.get(unit)
    return Metadata(
        icc=bytes(icc) if icc is not None else None,
        dpi=turned(sound_dpi(x / inches, y / inches), orientation) if x and y and inches else None,
        premultiplied=premultiplied(page),
        rgb_first=page.photometric == PHOTOMETRIC.RGB,
        inverted_bits=inverted_bits(page),
        gray_channels=gray_channels(page),
        unitless_resolution=turned(resolution, orientation) if unit == NO_UNIT else None,
        tiff_forms=tuple(map(form_of, pages)),
        tiff_tags=kept_tags(pages, file_bytes, turned=[_orientation(each) != UPRIGHT for each in pages]),
    )
