"""TIFF by tifffile: every dtype, many pages."""

import io
from itertools import islice

from tifffile import TiffFile, TiffPage, TiffWriter

from service.errors import UnsupportedMedia
from service.imaging.formats import ImageFormat
from service.imaging.limits import ImageLimits
from service.imaging.metadata import Metadata, sound_dpi
from service.imaging.orientation import UPRIGHT, turned, upright
from service.imaging.picture import Picture, picture_of
from service.imaging.tiff_page import allocated_px, check_page, premultiplied, read_samples

ORIENTATION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT, ICC = 274, 282, 283, 296, 34675
INCHES_PER_UNIT = {2: 1.0, 3: 1 / 2.54}

# Classic TIFF addresses 32 bits; the margin is for tags.
BIGTIFF_BYTES = 2**32 - 2**25


def read(data: bytes, limits: ImageLimits) -> Picture:
    """Decode every page; thumbnails and masks (NewSubfileType) are left out, for they would show the old pixels."""
    with TiffFile(io.BytesIO(data)) as tif:
        # Not len(): a file can be made of nothing but pages, or of pages in a circle.
        listed = list(islice(tif.pages, limits.max_frames + 1))
        limits.check(pixels=0, frames=len(listed))
        full = [page for page in listed if isinstance(page, TiffPage)]
        pages = [page for page in full if not (page.is_reduced or page.is_mask)] or full
        limits.check(pixels=sum(allocated_px(page) for page in pages))
        for page in pages:
            check_page(page, len(data))
        _check_stack(tif, pages)
        samples = [upright(read_samples(page), _orientation(page)) for page in pages]
        metadata = _metadata(pages[0])
    if len({(page.dtype, page.shape[2] > 2) for page in samples}) > 1:
        raise UnsupportedMedia("expected pages of one dtype and color, got several", supported=["one dtype and color"])
    return picture_of(samples, ImageFormat.TIFF, metadata)


def write(picture: Picture) -> bytes:
    """Encode every frame as a page of its own, contiguous, uncompressed.

    Uncompressed because of this (denoised photograph, megapixels per second, bytes per pixel against none): deflate
    level 1 with predictor uint8 146, 0.51 of 1; uint16 6, 1.60 of 2; float32 10, 2.80 of 4. None: 2000.
    """
    buffer = io.BytesIO()
    metadata, alpha = picture.metadata, "assocalpha" if picture.metadata.premultiplied else "unassalpha"
    nbytes = sum(page.nbytes for page in (*picture.frames, *picture.alpha) if page is not None)
    with TiffWriter(buffer, bigtiff=nbytes > BIGTIFF_BYTES) as tif:
        for index, page_alpha in enumerate(picture.alpha):
            raster = picture.raster(index)
            tif.write(
                raster,
                photometric="rgb" if picture.channels == 3 else "minisblack",
                planarconfig="contig" if raster.ndim == 3 else None,
                extrasamples=[alpha] if page_alpha is not None else None,
                iccprofile=metadata.icc_for(picture.channels),
                resolution=metadata.dpi,
                resolutionunit="inch" if metadata.dpi else None,
                software=False,
                metadata=None,
            )
    return buffer.getvalue()


def _check_stack(tif: TiffFile, pages: list[TiffPage]) -> None:
    """Refuse the two dialects that put more images behind one page than the format knows of."""
    images = (tif.imagej_metadata or {}).get("images", 1) if tif.is_imagej else 1
    if images > len(pages) or '"truncated": true' in pages[0].description:
        raise UnsupportedMedia("expected a TIFF with a page for each image, got several in one", supported=["pages"])


def _orientation(page: TiffPage) -> int:
    return int(page.tags.valueof(ORIENTATION, UPRIGHT))


def _metadata(page: TiffPage) -> Metadata:
    """Of the first page; tifffile writes the same to each."""
    x, y = (page.tags.valueof(tag, (0, 1)) for tag in (X_RESOLUTION, Y_RESOLUTION))
    inches = INCHES_PER_UNIT.get(int(page.tags.valueof(RESOLUTION_UNIT, 2)), 0.0)
    dpi = sound_dpi(x[0] / x[1] / inches, y[0] / y[1] / inches) if inches and x[1] and y[1] else None
    icc = page.tags.valueof(ICC)
    return Metadata(
        icc=bytes(icc) if icc is not None else None,
        dpi=turned(dpi, _orientation(page)),
        premultiplied=premultiplied(page),
    )
