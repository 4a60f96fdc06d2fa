"""A page of a TIFF: its validation and its samples."""

from enum import IntEnum
from functools import cache

import numpy as np
from tifffile import COMPRESSION, PHOTOMETRIC, TiffPage

from biasfree.pixels import PixelArray
from service.errors import UndecodableImage, UnsupportedMedia
from service.imaging.bits import spread
from service.imaging.color import cmyk_to_rgb
from service.imaging.extras import installed
from service.imaging.formats import ImageFormat
from service.imaging.metadata import TiffForm
from service.imaging.picture import DTYPES
from service.imaging.tiff_segments import check_segments
from service.imaging.tiff_ycbcr import is_unpacked_here, read_ycbcr

# Decoders whose output tifffile limits: a segment of a few bytes cannot grow beyond its tile. The sizes of those that
# have one of their own are checked here.
PLAIN = (
    COMPRESSION.NONE,
    COMPRESSION.LZW,
    COMPRESSION.ADOBE_DEFLATE,
    COMPRESSION.DEFLATE,
    COMPRESSION.PACKBITS,
    COMPRESSION.ZSTD,
    COMPRESSION.JPEG,
)
#: Compressions that convert YCbCr themselves: their pages are never YCbCr.
WEBP, JPEG_2000 = (COMPRESSION.WEBP,), (COMPRESSION.JPEG2000, COMPRESSION.APERIO_JP2000_RGB)

# Number of samples of a color; one more is alpha.
COLORS: dict[int, int] = {
    PHOTOMETRIC.MINISWHITE: 1,
    PHOTOMETRIC.MINISBLACK: 1,
    PHOTOMETRIC.RGB: 3,
    PHOTOMETRIC.PALETTE: 1,
    PHOTOMETRIC.SEPARATED: 4,
    PHOTOMETRIC.YCBCR: 3,
}

ASSOCIATED_ALPHA = 1
ALPHA = (1, 2)
#: Photometric interpretations that may have further channels, such as infrared or a second stain.
CHANNELS = (PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.RGB)
PLANAR = 2
COLOR_MAP, ICC = 320, 34675


@cache
def compressions() -> tuple[COMPRESSION, ...]:
    """Return the compressions that are read; a slim installation leaves out codecs."""
    return (*PLAIN, *WEBP, *(JPEG_2000 if installed(ImageFormat.JP2) else ()))


def allocated_px(page: TiffPage) -> int:
    """Return H * W of a page, or of one tile if that is larger, since a tile is always decoded as a whole."""
    return max(page.imagewidth * page.imagelength, page.tilewidth * page.tilelength)


def check_page(page: TiffPage, file_bytes: int) -> None:
    """Refuse an unsupported page, by its tags alone.

    Raises:
        UnsupportedMedia: Its compression, colors, samples or dtype are not supported; ``facts`` has ``supported``.
        UndecodableImage: It has no pixels, or they lie beyond the end of the file.
    """
    compression = _name(COMPRESSION, page.compression)
    _expect(page.compression in compressions(), "compression", compression, [each.name for each in compressions()])
    _expect(
        page.photometric in COLORS,
        "photometric interpretation",
        _name(PHOTOMETRIC, page.photometric),
        [PHOTOMETRIC(c).name for c in COLORS],
    )
    if page.photometric == PHOTOMETRIC.YCBCR:
        _expect(page.compression in PLAIN, "compression of YCbCr", compression, [c.name for c in PLAIN])
    extra = page.samplesperpixel - COLORS[page.photometric]
    alphas = sum(kind in ALPHA for kind in page.extrasamples)
    known = extra == 0 or has_alpha(page) or (alphas == 0 and page.photometric in CHANNELS)
    _expect(extra >= 0 and known, "number of samples", page.samplesperpixel, ["gray", "RGB", "CMYK", "one alpha last"])
    _expect(page.imagedepth == 1, "depth", page.imagedepth, [1])
    _check_dtype(page)
    if min(page.imagewidth, page.imagelength) < 1 or not page.dataoffsets:
        raise UndecodableImage("the TIFF has a page without pixels")
    needed = list(page.databytecounts)
    if page.compression == COMPRESSION.NONE and not page.is_tiled:
        # Some writers count more bytes than a strip has.
        needed = [min(size, most) for size, most in zip(needed, _strip_bytes(page), strict=True)]
    ends = list(zip(page.dataoffsets, needed, strict=True))
    if any(start + size > file_bytes for start, size in ends):
        there = sum(max(0, min(size, file_bytes - start)) for start, size in ends)
        present = round(there / max(1, sum(needed)), 3)
        raise UndecodableImage(
            f"the TIFF is incomplete: it ends before its pixels do, and has only {present:.0%} of them", present=present
        )
    check_segments(page)


def _strip_bytes(page: TiffPage) -> list[int]:
    """Return the bytes of each uncompressed strip of a page."""
    planar = page.planarconfig == PLANAR
    row_bits = page.imagewidth * page.bitspersample * (1 if planar else page.samplesperpixel)
    row_bytes = -(-row_bits // 8)
    rows_per_strip = min(page.rowsperstrip, page.imagelength)
    starts = range(0, page.imagelength, rows_per_strip)
    strips = [min(rows_per_strip, page.imagelength - start) * row_bytes for start in starts]
    return strips * (page.samplesperpixel if planar else 1)


def read_samples(page: TiffPage) -> PixelArray:
    """Read the samples (H, W, S) of a checked page, minimum black, in the dtype of ``DTYPES`` that holds them.

    Up to 4 bits are spread to 8, as PNG readers do; 10 to 14 bits keep their values in uint16.
    """
    height, width, count = page.imagelength, page.imagewidth, page.samplesperpixel
    if page.photometric == PHOTOMETRIC.YCBCR and is_unpacked_here(page):
        return read_ycbcr(page)
    # One thread: requests are already decoded in parallel.
    stored = page.asarray(maxworkers=1)
    planar = page.planarconfig == PLANAR and count > 1
    samples = np.moveaxis(stored.reshape(count, height, width), 0, -1) if planar else stored
    return _in_color(samples.reshape(height, width, count), page)


def keeps_values(page: TiffPage) -> bool:
    """Tell whether a page's samples are read with the values that it stores, and not spread, inverted or converted."""
    return page.photometric in CHANNELS and page.bitspersample >= 8


def form_of(page: TiffPage) -> TiffForm:
    """Return the form of a checked page's samples."""
    name = page.dtype.name if page.dtype is not None and keeps_values(page) else ""
    return TiffForm(page.samplesperpixel, name, page.planarconfig == PLANAR and page.samplesperpixel > 1)


def has_alpha(page: TiffPage) -> bool:
    """Tell whether a page's last sample is alpha; one without a specified meaning (ExtraSamples 0) is a channel."""
    *channels, last = page.extrasamples or (0,)
    # The colors precede the extra samples.
    whole = page.samplesperpixel == COLORS[page.photometric] + len(page.extrasamples)
    return whole and last in ALPHA and (not channels or (not any(channels) and page.photometric in CHANNELS))


def premultiplied(page: TiffPage) -> bool:
    """Tell whether a page's colors are already multiplied by its alpha."""
    return has_alpha(page) and page.extrasamples[-1] == ASSOCIATED_ALPHA


def gray_channels(page: TiffPage) -> bool:
    """Tell whether a page has several channels, such as stains, of which none is a color."""
    return page.photometric == PHOTOMETRIC.MINISBLACK and page.samplesperpixel > 1 + has_alpha(page)


def _in_color(samples: PixelArray, page: TiffPage) -> PixelArray:
    bits = page.bitspersample
    if page.photometric == PHOTOMETRIC.PALETTE:
        return _look_up(samples[..., 0].astype(np.uint8), page)
    if page.photometric == PHOTOMETRIC.SEPARATED:
        rgb = cmyk_to_rgb(samples[..., :4], page.tags.valueof(ICC))
        return np.dstack((rgb, samples[..., 4:])) if samples.shape[2] > 4 else rgb
    if bits < 8:
        samples = spread(samples.astype(np.uint8), bits)
    inverted = inverted_bits(page)
    return samples if inverted is None else _inverted(samples, inverted)


def inverted_bits(page: TiffPage) -> int | None:
    """Return the bits in which a page is inverted, since 0 is its white; None if it is not."""
    return max(page.bitspersample, 8) if page.photometric == PHOTOMETRIC.MINISWHITE else None


def _inverted(samples: PixelArray, bits: int) -> PixelArray:
    """Convert gray with 0 as white to 0 as black; keep alpha, if any."""
    inverted = samples.copy()
    inverted[..., 0] = (1 << bits) - 1 - samples[..., 0]
    return inverted


def _look_up(index: PixelArray, page: TiffPage) -> PixelArray:
    """Convert palette indices to RGB, or to gray if all colors are gray, uint8.

    The map's 16 bits contain 8, as a multiple of 256 or of 257.
    """
    colors = np.asarray(page.tags.valueof(COLOR_MAP), dtype=np.uint16).reshape(3, -1)
    # Some writers store the 8 bits unchanged.
    eight = (colors >> 8 if colors.max() > 255 else colors).astype(np.uint8)
    if (eight == eight[:1]).all():
        eight = eight[:1]
    return np.moveaxis(eight[:, index], 0, -1)


def _check_dtype(page: TiffPage) -> None:
    packed = page.bitspersample < 8 and page.sampleformat == 1 and page.samplesperpixel == 1
    name = "none" if page.dtype is None else page.dtype.name
    _expect(packed or name in DTYPES, "dtype", name, list(DTYPES))
    if page.photometric in {PHOTOMETRIC.PALETTE, PHOTOMETRIC.SEPARATED, PHOTOMETRIC.YCBCR}:
        _expect(packed or name == "uint8", "dtype of a palette, CMYK or YCbCr image", name, ["uint8"])
    if page.photometric == PHOTOMETRIC.MINISWHITE:
        _expect(packed or name in {"uint8", "uint16"}, "dtype where 0 is white", name, ["uint8", "uint16"])


def _name(kind: type[IntEnum], value: int) -> str:
    """Return the name of a tag's value, or the number if it has none."""
    try:
        return kind(value).name
    except ValueError:
        return str(value)


def _expect(accepted: bool, what: str, got: object, supported: list[object]) -> None:
    if not accepted:
        raise UnsupportedMedia(
            f"the TIFF has an unsupported {what}: {got}; supported: {', '.join(map(str, supported))}",
            supported=supported,
        )
