"""The metadata kept from a file: color profile, camera, resolution. Never the location."""

import struct
from dataclasses import dataclass, field, replace
from typing import Any

from biasfree.hidden import Mask
from service.imaging.iso_media import ORDINARY_PRIMARIES, ORDINARY_TRANSFERS

# The largest press profiles have about 3 MB; anything larger than this is not a profile.
MAX_ICC_BYTES = 8_000_000

# PNG and TIFF hold 32 bits of it; PNG counts pixels per meter.
LEAST_DPI, MOST_DPI = 0.0254, 100_000_000

#: The tag of a TIFF in which GDAL names the value of missing data.
NO_DATA = 42113

COLOR_SPACES = {1: b"GRAY", 3: b"RGB ", 4: b"CMYK"}

#: Gamma and chromaticities of sRGB in the units of PNG (third edition, section 11.3.2), and the differences that no
#: eye sees: 5 % of the gamma, as in libpng, and 0.01 of a chromaticity.
SRGB_GAMMA, SRGB_CHROMATICITIES = 45_455, (31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000)
GAMMA_TOLERANCE, CHROMATICITY_TOLERANCE = 2_273, 1_000


@dataclass(frozen=True)
class TiffForm:
    """The form of the samples of a TIFF page in its file.

    Args:
        samples: Samples per pixel, alpha included.
        dtype: Name of their dtype; empty if reading converts the values, as of a palette.
        planar: True if each channel is a plane of its own.
    """

    samples: int
    dtype: str
    planar: bool = False


@dataclass(frozen=True)
class Metadata:
    """The metadata copied from the input file to the output file.

    Args:
        icc: ICC profile as found; ``icc_for`` checks whether it fits.
        exif: EXIF block (TIFF header first, no ``Exif`` prefix) with known harmless tags only: no location, maker note,
            thumbnail or orientation.
        dpi: Horizontal and vertical resolution in pixels per inch.
        premultiplied: True if colors are already multiplied by alpha (TIFF's associated alpha).
        png_color: Number of samples and the chunks of a PNG that define their meaning (gamma, primaries, transfer
            function, significant bits).
        unitless_resolution: Horizontal and vertical resolution of a TIFF or PNG without a unit.
        rgb_first: True if the first three of more channels are red, green and blue (TIFF).
        inverted_bits: Bits in which gray with 0 as white was inverted (TIFF); None if it was not.
        gray_channels: True if several channels, which may be three, are no colors (TIFF).
        png_text: The text chunks of a PNG with harmless standard keywords.
        tiff_tags: The tags of each page that only a TIFF has: descriptions, coordinates on a map, ImageJ's metadata.
        tiff_forms: The form of each page of a TIFF.
        tiff_missing: Which samples (H, W, C) of each page of a TIFF have the value of missing data; None if none has.
        tiff_scale: Factor by which the values of a TIFF were multiplied after reading; None if they were not, or if
            it is unknown.
        fits_header: The header of a FITS image, with its world coordinates.
    """

    icc: bytes | None = None
    exif: bytes | None = None
    dpi: tuple[float, float] | None = None
    premultiplied: bool = False
    png_color: tuple[int, tuple[tuple[bytes, bytes], ...]] | None = None
    unitless_resolution: tuple[float, float] | None = None
    rgb_first: bool = False
    inverted_bits: int | None = None
    gray_channels: bool = False
    png_text: tuple[tuple[bytes, bytes], ...] = ()
    tiff_tags: tuple[tuple[tuple[int, int, int, Any, bool], ...], ...] = ()
    tiff_forms: tuple[TiffForm, ...] = ()
    tiff_missing: tuple[Mask | None, ...] = field(default=(), compare=False)
    tiff_scale: float | None = None
    fits_header: str | None = None

    def icc_for(self, channels: int) -> bytes | None:
        """Return the profile if it has that number of channels, since an RGB profile makes a gray file invalid."""
        return self.icc if self.icc is not None and describes(self.icc, channels) else None

    @property
    def color_codes(self) -> tuple[int, int] | None:
        """Return primaries and transfer function (ITU-T H.273) of full-range colors, if known and not those of sRGB."""
        payload = self._color_chunks.get(b"cICP", b"")
        return None if payload[2:] != b"\0\1" or _ordinary(payload) else (payload[0], payload[1])

    @property
    def beyond_srgb(self) -> bool:
        """Tell whether codes, a gamma or primaries state other colors than sRGB; the first of them counts (PNG)."""
        chunks = self._color_chunks
        if len(codes := chunks.get(b"cICP", b"")) == 4:
            return not _ordinary(codes)
        return b"sRGB" not in chunks and (
            _differs(chunks.get(b"gAMA", b""), (SRGB_GAMMA,), GAMMA_TOLERANCE)
            or _differs(chunks.get(b"cHRM", b""), SRGB_CHROMATICITIES, CHROMATICITY_TOLERANCE)
        )

    @property
    def _color_chunks(self) -> dict[bytes, bytes]:
        return dict(self.png_color[1]) if self.png_color else {}

    def without_tag(self, code: int) -> "Metadata":
        """Return the metadata without a tag of a TIFF."""
        tags = tuple(tuple(tag for tag in page if tag[0] != code) for page in self.tiff_tags)
        return replace(self, tiff_tags=tags)


def _ordinary(codes: bytes) -> bool:
    return codes[0] in ORDINARY_PRIMARIES and codes[1] in ORDINARY_TRANSFERS


def _differs(payload: bytes, expected: tuple[int, ...], tolerance: int) -> bool:
    """Tell whether a chunk has other numbers than expected; one that is absent or damaged has none."""
    if len(payload) != 4 * len(expected):
        return False
    numbers = struct.unpack(f">{len(expected)}I", payload)
    return any(abs(number - wanted) > tolerance for number, wanted in zip(numbers, expected, strict=True))


def describes(icc: bytes, channels: int) -> bool:
    """Tell whether bytes are an ICC profile (ICC.1:2022, section 7.2) of 1 gray, 3 RGB or 4 CMYK channels."""
    whole = 128 <= len(icc) <= MAX_ICC_BYTES and int.from_bytes(icc[:4], "big") == len(icc)
    return whole and icc[36:40] == b"acsp" and icc[16:20] == COLOR_SPACES.get(channels)


def sound_dpi(horizontal: float, vertical: float) -> tuple[float, float] | None:
    """Return a resolution in pixels per inch, or None if it is implausible.

    A microscope's has 8 digits, and that of a map or of a billboard is below 1.
    """
    dpi = (float(horizontal), float(vertical))
    return dpi if all(LEAST_DPI <= value < MOST_DPI for value in dpi) else None
