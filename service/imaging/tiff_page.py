"""One page of a TIFF: what is accepted, and its samples."""

import numpy as np
from tifffile import COMPRESSION, PHOTOMETRIC, TiffPage

from biasfree.pixels import PixelArray
from service.errors import UndecodableImage, UnsupportedMedia
from service.imaging.color import cmyk_to_rgb
from service.imaging.picture import DTYPES

# Decoders that tifffile tells how much may come out: a segment of a few bytes cannot grow beyond its tile.
COMPRESSIONS = (
    COMPRESSION.NONE,
    COMPRESSION.LZW,
    COMPRESSION.ADOBE_DEFLATE,
    COMPRESSION.DEFLATE,
    COMPRESSION.PACKBITS,
    COMPRESSION.ZSTD,
)

# Samples that make a colour; one more is alpha.
COLORS: dict[int, int] = {
    PHOTOMETRIC.MINISWHITE: 1,
    PHOTOMETRIC.MINISBLACK: 1,
    PHOTOMETRIC.RGB: 3,
    PHOTOMETRIC.PALETTE: 1,
    PHOTOMETRIC.SEPARATED: 4,
}

ASSOCIATED_ALPHA = 1
PLANAR = 2
COLOR_MAP, ICC = 320, 34675


def allocated_px(page: TiffPage) -> int:
    """H * W of a page, or that of one tile if it is larger: a tile is decoded whole, however little of it shows."""
    return max(page.imagewidth * page.imagelength, page.tilewidth * page.tilelength)


def check_page(page: TiffPage, file_bytes: int) -> None:
    """Refuse what is not read here, by the tags alone.

    Raises:
        UnsupportedMedia: Its compression, colours, samples or dtype; ``facts`` has ``supported``.
        UndecodableImage: It has no pixels, or they lie beyond the end of the file.
    """
    _expect(page.compression in COMPRESSIONS, "compression", page.compression, [c.name for c in COMPRESSIONS])
    _expect(
        page.photometric in COLORS,
        "photometric interpretation",
        page.photometric,
        [PHOTOMETRIC(c).name for c in COLORS],
    )
    extra = page.samplesperpixel - COLORS[page.photometric]
    _expect(0 <= extra <= 1, "number of samples", page.samplesperpixel, ["gray", "RGB", "CMYK", "one alpha"])
    _expect(page.imagedepth == 1, "depth", page.imagedepth, [1])
    _check_dtype(page)
    if min(page.imagewidth, page.imagelength) < 1 or not page.dataoffsets:
        raise UndecodableImage("expected a TIFF page with pixels in it, got none")
    if any(start + size > file_bytes for start, size in zip(page.dataoffsets, page.databytecounts, strict=True)):
        raise UndecodableImage("expected a whole tiff file, got one that ends before its pixels do")


def read_samples(page: TiffPage) -> PixelArray:
    """Samples (H, W, S) of a checked page, S from 1 to 4, minimum black, in the dtype of ``DTYPES`` that holds them.

    Up to 4 bits are spread to 8, as PNG readers do; 10 to 14 bits keep their values in uint16.
    """
    height, width, count = page.imagelength, page.imagewidth, page.samplesperpixel
    # One thread: requests are decoded side by side already.
    stored = page.asarray(maxworkers=1)
    planar = page.planarconfig == PLANAR and count > 1
    samples = np.moveaxis(stored.reshape(count, height, width), 0, -1) if planar else stored
    return _in_color(samples.reshape(height, width, count), page)


def premultiplied(page: TiffPage) -> bool:
    """Whether a page's colours are multiplied by its alpha already."""
    return tuple(page.extrasamples) == (ASSOCIATED_ALPHA,)


def _in_color(samples: PixelArray, page: TiffPage) -> PixelArray:
    bits = page.bitspersample
    if page.photometric == PHOTOMETRIC.PALETTE:
        return _look_up(samples[..., 0].astype(np.uint8), page)
    if page.photometric == PHOTOMETRIC.SEPARATED:
        rgb = cmyk_to_rgb(samples[..., :4], page.tags.valueof(ICC))
        return np.dstack((rgb, samples[..., 4:])) if samples.shape[2] > 4 else rgb
    if bits < 8:
        samples = samples.astype(np.uint8) * np.uint8(255 // (2**bits - 1))
    if page.photometric == PHOTOMETRIC.MINISWHITE:
        return _inverted(samples, max(bits, 8))
    return samples


def _inverted(samples: PixelArray, bits: int) -> PixelArray:
    """Gray with 0 black instead of 0 white; alpha, if any, stays."""
    inverted = samples.copy()
    inverted[..., 0] = (1 << bits) - 1 - samples[..., 0]
    return inverted


def _look_up(index: PixelArray, page: TiffPage) -> PixelArray:
    """RGB, or gray if the palette is all grays, uint8: the map's 16 bits hold 8, as a multiple of 256 or of 257."""
    colors = np.asarray(page.tags.valueof(COLOR_MAP), dtype=np.uint16).reshape(3, -1)
    # Some writers fill the map with 8 bits as they are.
    eight = (colors >> 8 if colors.max() > 255 else colors).astype(np.uint8)
    if (eight == eight[:1]).all():
        eight = eight[:1]
    return np.moveaxis(eight[:, index], 0, -1)


def _check_dtype(page: TiffPage) -> None:
    packed = page.bitspersample < 8 and page.sampleformat == 1 and page.samplesperpixel == 1
    name = "none" if page.dtype is None else page.dtype.name
    _expect(packed or name in DTYPES, "dtype", name, list(DTYPES))
    if page.photometric in {PHOTOMETRIC.PALETTE, PHOTOMETRIC.SEPARATED}:
        _expect(packed or name == "uint8", "dtype of a palette or CMYK image", name, ["uint8"])
    if page.photometric == PHOTOMETRIC.MINISWHITE:
        _expect(packed or name in {"uint8", "uint16"}, "dtype where 0 is white", name, ["uint8", "uint16"])


def _expect(accepted: bool, what: str, got: object, supported: list[object]) -> None:
    if not accepted:
        raise UnsupportedMedia(
            f"expected a TIFF whose {what} is one of {', '.join(map(str, supported))}, got {got}", supported=supported
        )
