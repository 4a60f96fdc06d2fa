"""HEIC, the format of telephones, through libheif (pillow-heif, the extra ``heif``)."""

from typing import Any

import numpy as np

from biasfree.pixels import PixelArray
from service.errors import UnsupportedMedia
from service.imaging.bits import spread
from service.imaging.exif import read_exif
from service.imaging.formats import ImageFormat
from service.imaging.iso_media import cicp, extraordinary
from service.imaging.limits import ImageLimits
from service.imaging.metadata import Metadata
from service.imaging.picture import Picture, picture_of

#: Modes of pillow-heif without their depth; gray of more than 8 bits is ``I;16``.
GRAY_AND_COLOR = frozenset({"L", "I", "LA", "RGB", "RGBA", "RGBa"})


def read(data: bytes, limits: ImageLimits) -> Picture:
    """Decode the primary image: 8 bits as uint8, 10 and 12 bits as uint16, upright.

    Opening reads the boxes only; the pixels are decoded on access. libheif applies the orientation of the container,
    which takes precedence over that of EXIF.
    """
    import pillow_heif  # An extra, loaded when it is needed.

    # One thread: requests are already decoded in parallel.
    pillow_heif.options.DECODE_THREADS = 1
    file = pillow_heif.open_heif(data, convert_hdr_to_8bit=False)
    image = file[file.primary_index]
    limits.check(pixels=image.size[0] * image.size[1])
    samples = _samples(image)
    info: dict[str, Any] = image.info
    alpha = samples.ndim == 3 and samples.shape[2] in {2, 4}
    metadata = Metadata(
        icc=info.get("icc_profile"),
        exif=read_exif(info.get("exif"), ImageFormat.HEIC).kept,
        premultiplied=alpha and bool(image.premultiplied_alpha),
        png_color=_color(info, samples),
    )
    return picture_of([samples], ImageFormat.HEIC, metadata)


def _samples(image: Any) -> PixelArray:
    """Return the pixels in the full range of their dtype; the library shifts 10 and 12 bits to the top of 16."""
    if image.mode.partition(";")[0] not in GRAY_AND_COLOR:
        raise UnsupportedMedia(f"HEIC images of mode {image.mode} are not supported", supported=["gray", "RGB"])
    stored, bits = np.asarray(image), int(image.info.get("bit_depth", 8))
    return stored if stored.dtype == np.uint8 else spread(stored >> (16 - bits), bits)


def _color(info: dict[str, Any], samples: PixelArray) -> tuple[int, tuple[tuple[bytes, bytes], ...]] | None:
    nclx = info.get("nclx_profile")
    if not nclx or "icc_profile" in info:
        return None
    codes = extraordinary(int(nclx["color_primaries"]), int(nclx["transfer_characteristics"]))
    return cicp(codes, samples=samples.shape[2] if samples.ndim == 3 else 1)
