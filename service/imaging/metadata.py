"""What is kept of a file besides its pixels: the colour profile, the camera, the resolution. Never the place."""

import math
from dataclasses import dataclass

# The largest press profiles have about 3 MB; more than this is not a profile.
MAX_ICC_BYTES = 8_000_000

COLOR_SPACES = {1: b"GRAY", 3: b"RGB ", 4: b"CMYK"}


@dataclass(frozen=True)
class Metadata:
    """What travels with the pixels from the file that came in to the one that goes out.

    Args:
        icc: ICC profile as it was found; ``icc_for`` tells whether it fits.
        exif: EXIF block (TIFF header first, no ``Exif`` prefix) with known harmless tags only: no position, maker note,
            thumbnail or orientation.
        dpi: Horizontal and vertical resolution in pixels per inch.
        premultiplied: Colours were multiplied by alpha already (TIFF's associated alpha).
    """

    icc: bytes | None = None
    exif: bytes | None = None
    dpi: tuple[float, float] | None = None
    premultiplied: bool = False

    def icc_for(self, channels: int) -> bytes | None:
        """The profile, if it describes that many channels: a profile of RGB makes a gray file invalid."""
        return self.icc if self.icc is not None and describes(self.icc, channels) else None


def describes(icc: bytes, channels: int) -> bool:
    """Whether bytes are an ICC profile (ICC.1:2022, section 7.2) of 1 gray, 3 RGB or 4 CMYK channels."""
    whole = 128 <= len(icc) <= MAX_ICC_BYTES and int.from_bytes(icc[:4], "big") == len(icc)
    return whole and icc[36:40] == b"acsp" and icc[16:20] == COLOR_SPACES.get(channels)


def sound_dpi(horizontal: float, vertical: float) -> tuple[float, float] | None:
    """A resolution in pixels per inch, or None where a file holds nonsense; JPEG has 16 bits for it."""
    dpi = (float(horizontal), float(vertical))
    return dpi if all(math.isfinite(value) and 1 <= value < 65_535 for value in dpi) else None
