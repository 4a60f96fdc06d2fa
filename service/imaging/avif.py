"""AVIF: the header and 8-bit output through Pillow, the pixels of any depth through libavif (imagecodecs)."""

import io
import struct

import imagecodecs
import numpy as np
from PIL import AvifImagePlugin, Image

from service.imaging.av1 import largest_pixels
from service.imaging.bits import spread
from service.imaging.exif import PREFIX, read_exif
from service.imaging.formats import ImageFormat
from service.imaging.iso_media import HEAD_BYTES, cicp, color_codes
from service.imaging.limits import ImageLimits
from service.imaging.metadata import Metadata
from service.imaging.orientation import upright
from service.imaging.picture import FIRST_FRAME, Picture, picture_of

#: About as close to the pixels as JPEG at 95, in half the bytes. Speed 8 of 10 takes a fifth of the default's time.
QUALITY, SPEED = 90, 8

#: The color box that Pillow writes, up to its codes: BT.709 and sRGB. It takes precedence over the codes in the AV1
#: data (ISO/IEC 23000-22:2019/Amd 2:2021).
COLOR_BOX, WRITTEN_CODES = b"colrnclx", (1, 13)


def read(data: bytes, limits: ImageLimits) -> Picture:
    """Decode an AVIF: 8 bits as uint8, 10 and 12 bits as uint16, upright; of an animation the first frame, in 8 bits.

    The plugin's class is used directly because ``Image.open`` would enforce Pillow's global pixel limit, not ours. It
    states the orientation of the container as that of EXIF.
    """
    with AvifImagePlugin.AvifImageFile(io.BytesIO(data)) as image:
        limits.check(pixels=max(image.width * image.height, largest_pixels(data)))
        icc, exif = image.info.get("icc_profile"), read_exif(image.info.get("exif"), ImageFormat.AVIF)
        animated = image.is_animated
        # imagecodecs would decode every frame; asked for one, its version of 2026.3.6 writes beyond its memory.
        samples = np.asarray(image) if animated else imagecodecs.avif_decode(data, numthreads=1)
    if samples.dtype != np.uint8:
        samples = spread(samples, _bits(data))
    count = samples.shape[2] if samples.ndim == 3 else 1
    metadata = Metadata(icc=icc, exif=exif.kept, png_color=None if icc else cicp(color_codes(data), samples=count))
    warning = FIRST_FRAME.format("AVIF") if animated else ""
    return picture_of([upright(samples, exif.orientation)], ImageFormat.AVIF, metadata, warning=warning)


def write(picture: Picture, quality: int | None = None) -> bytes:
    """Encode one uint8 frame, by default at quality 90, without chroma subsampling, with its color codes."""
    metadata, buffer = picture.metadata, io.BytesIO()
    icc = metadata.icc_for(3)
    Image.fromarray(picture.raster()).save(
        buffer,
        "AVIF",
        quality=quality or QUALITY,
        speed=SPEED,
        subsampling="4:4:4" if picture.channels == 3 else "4:0:0",
        icc_profile=icc or b"",
        exif=PREFIX + metadata.exif if metadata.exif else b"",
    )
    content = buffer.getvalue()
    return content if icc or metadata.color_codes is None else _with_codes(content, metadata.color_codes)


def _with_codes(content: bytes, codes: tuple[int, int]) -> bytes:
    """State color codes (ITU-T H.273) in an AVIF written by Pillow, which has no option for them."""
    before, after = (COLOR_BOX + struct.pack(">HH", *pair) for pair in (WRITTEN_CODES, codes))
    return content.replace(before, after, 1)


def _bits(data: bytes) -> int:
    """Return 10 or 12, the bits per sample in the first configuration box (AV1 ISOBMFF binding, section 2.3)."""
    at = data.find(b"av1C", 0, HEAD_BYTES)
    return 12 if 0 <= at < len(data) - 6 and data[at + 6] & 0x20 else 10
