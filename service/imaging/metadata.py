"""The metadata kept from a file: color profile, camera, resolution. Never the location."""

import math
from dataclasses import dataclass, replace
from typing import Any

# The largest press profiles have about 3 MB; anything larger than this is not a profile.
MAX_ICC_BYTES = 8_000_000

# PNG and TIFF hold 32 bits of it.
MOST_DPI = 100_000_000

#: The tag of a TIFF in which GDAL names the value of missing data.
NO_DATA = 42113

COLOR_SPACES = {1: b"GRAY", 3: b"RGB ", 4: b"CMYK"}


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
        tiff_resolution: Horizontal and vertical resolution of a TIFF without a unit.
        rgb_first: True if the first three of more channels are red, green and blue (TIFF).
        tiff_tags: The tags of each page that only a TIFF has: descriptions, coordinates on a map, ImageJ's metadata.
        fits_header: The header of a FITS image, with its world coordinates.
    """

    icc: bytes | None = None
    exif: bytes | None = None
    dpi: tuple[float, float] | None = None
    premultiplied: bool = False
    png_color: tuple[int, tuple[tuple[bytes, bytes], ...]] | None = None
    tiff_resolution: tuple[float, float] | None = None
    rgb_first: bool = False
    tiff_tags: tuple[tuple[tuple[int, int, int, Any, bool], ...], ...] = ()
    fits_header: str | None = None

    def icc_for(self, channels: int) -> bytes | None:
        """Return the profile if it has that number of channels, since an RGB profile makes a gray file invalid."""
        return self.icc if self.icc is not None and describes(self.icc, channels) else None

    def without_tag(self, code: int) -> "Metadata":
        """Return the metadata without a tag of a TIFF."""
        tags = tuple(tuple(tag for tag in page if tag[0] != code) for page in self.tiff_tags)
        return replace(self, tiff_tags=tags)


def describes(icc: bytes, channels: int) -> bool:
    """Tell whether bytes are an ICC profile (ICC.1:2022, section 7.2) of 1 gray, 3 RGB or 4 CMYK channels."""
    whole = 128 <= len(icc) <= MAX_ICC_BYTES and int.from_bytes(icc[:4], "big") == len(icc)
    return whole and icc[36:40] == b"acsp" and icc[16:20] == COLOR_SPACES.get(channels)


def sound_dpi(horizontal: float, vertical: float) -> tuple[float, float] | None:
    """Return a resolution in pixels per inch, or None if it is implausible; a microscope's has 8 digits."""
    dpi = (float(horizontal), float(vertical))
    return dpi if all(math.isfinite(value) and 1 <= value < MOST_DPI for value in dpi) else None
