"""The pixels of a TIFF, by the rules of the service: upright, black is 0, at most 4 bits are spread to 8."""

import io
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from biasfree_client._errors import UnsupportedImage
from biasfree_client._extras import optional
from biasfree_client._raster import without_ink
from biasfree_client._upright import upright

Pixels = npt.NDArray[Any]

ORIENTATION, COLOR_MAP, ICC = 274, 320, 34675
MINISWHITE, MINISBLACK, RGB, PALETTE, SEPARATED = 0, 1, 2, 3, 5
#: Samples of each color space; the last of further ones may be alpha.
COLORS = {MINISWHITE: 1, MINISBLACK: 1, RGB: 3, PALETTE: 1, SEPARATED: 4}
ALPHA = {1, 2}
PLANAR = 2


@dataclass(frozen=True)
class Tiff:
    """The pixels of a TIFF: (H, W) or (H, W, S), with a first axis Z if it has several pages.

    Args:
        pixels: The samples.
        channel_axis: True if there is an axis S.
        alpha: True if the last sample is alpha; one without a specified meaning (ExtraSamples 0) is a channel.
    """

    pixels: Pixels = field(repr=False)
    channel_axis: bool
    alpha: bool


def read_tiff(content: bytes, *, purpose: str) -> Tiff:
    """Decode a TIFF.

    Pages are images; thumbnails and masks are left out.

    Raises:
        UnsupportedImage: The pages differ, or have colors that are not read here.
        MissingLibrary: The extra ``images`` is not installed.
    """
    tifffile = optional("tifffile", extra="images", purpose=purpose)
    with tifffile.TiffFile(io.BytesIO(content)) as tif:
        whole = [page for page in tif.pages if isinstance(page, tifffile.TiffPage)]
        pages = [page for page in whole if not (page.is_reduced or page.is_mask)] or whole
        if not pages:
            raise UnsupportedImage("Damaged or incomplete image/tiff file: it has no pages")
        for page in pages:
            if page.photometric not in COLORS:
                raise UnsupportedImage("TIFF files of this color space are not read without the service")
        alphas = {_has_alpha(page) for page in pages}
        images = [_page(page) for page in pages]
    if len({(image.shape, image.dtype) for image in images}) != 1 or len(alphas) != 1:
        raise UnsupportedImage("The pages of the TIFF have different sizes or types; split it")
    pixels = images[0] if len(images) == 1 else np.stack(images)
    return Tiff(pixels, images[0].ndim == 3, alphas.pop())


def _has_alpha(page: Any) -> bool:
    *channels, last = page.extrasamples or (0,)
    whole = page.samplesperpixel == COLORS[page.photometric] + len(page.extrasamples)
    return whole and last in ALPHA and (not channels or (not any(channels) and page.photometric in {MINISBLACK, RGB}))


def _page(page: Any) -> Pixels:
    height, width, count = page.imagelength, page.imagewidth, page.samplesperpixel
    stored = page.asarray()
    planar = page.planarconfig == PLANAR and count > 1
    samples = np.moveaxis(stored.reshape(count, height, width), 0, -1) if planar else stored
    turned = upright(_in_color(samples.reshape(height, width, count), page), _orientation(page))
    return turned[..., 0] if turned.shape[2] == 1 else turned


def _orientation(page: Any) -> int:
    value = page.tags.valueof(ORIENTATION, 1)
    first = value[0] if isinstance(value, tuple) and value else value
    return int(first) if isinstance(first, int | float) else 1


def _in_color(samples: Pixels, page: Any) -> Pixels:
    bits = page.bitspersample
    if page.photometric == PALETTE:
        return _look_up(samples[..., 0].astype(np.uint8), page)
    if page.photometric == SEPARATED:
        rgb = without_ink(samples[..., :4], page.tags.valueof(ICC))
        return np.dstack((rgb, samples[..., 4:])) if samples.shape[2] > 4 else rgb
    if bits < 8:
        samples = np.rint(samples * (255 / (2**bits - 1))).astype(np.uint8)
    if page.photometric == MINISWHITE:
        samples = samples.copy()
        samples[..., 0] = (1 << max(bits, 8)) - 1 - samples[..., 0]
    return samples


def _look_up(index: Pixels, page: Any) -> Pixels:
    """Convert palette indices to RGB, or to gray if all colors are gray; the map's 16 bits contain 8."""
    colors = np.asarray(page.tags.valueof(COLOR_MAP), dtype=np.uint16).reshape(3, -1)
    eight = (colors >> 8 if colors.max() > 255 else colors).astype(np.uint8)
    if (eight == eight[:1]).all():
        eight = eight[:1]
    return np.moveaxis(eight[:, index], 0, -1)
