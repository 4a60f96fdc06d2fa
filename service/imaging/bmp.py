"""BMP through Pillow."""

import io
import struct

import numpy as np
from PIL import BmpImagePlugin, Image

from biasfree.pixels import PixelArray
from service.errors import UndecodableImage, UnsupportedMedia
from service.imaging.formats import ImageFormat
from service.imaging.limits import ImageLimits
from service.imaging.metadata import Metadata, sound_dpi
from service.imaging.picture import Picture, picture_of

#: The smallest header that states a compression, and those that make the rows shorter: RLE, JPEG, PNG.
INFO_HEADER, PACKED = 40, {1, 2, 4, 5}
#: How Pillow's refusals begin.
UNSUPPORTED = "Unsupported BMP "


def read(data: bytes, limits: ImageLimits) -> Picture:
    """Decode a BMP; a palette becomes RGB (or gray, if all its colors are gray), 1 bit becomes 8 bits.

    The plugin's class is used directly because ``Image.open`` would enforce Pillow's global pixel limit, not ours.

    Raises:
        UnsupportedMedia: Its bits have an unusual layout, or its content is a JPEG or PNG.
    """
    try:
        return _read(data, limits)
    except OSError as exc:
        if not str(exc).startswith(UNSUPPORTED):
            _refuse_cut(data, exc)
            raise
        kind = str(exc).removeprefix(UNSUPPORTED)
        raise UnsupportedMedia(
            f"the BMP has a kind of pixels that is not supported ({kind}): save it with 24 bits, or as PNG",
            supported=["1, 4, 8, 16, 24 and 32 bits", "RLE"],
        ) from exc


def _refuse_cut(data: bytes, error: OSError) -> None:
    """Say how much is there of an uncompressed file that was cut.

    Raises:
        UndecodableImage: ``facts`` has ``present``, the share of its rows.
    """
    (start,), header = struct.unpack("<I", data[10:14]), data[14:34]
    if len(header) < 20 or int.from_bytes(header[:4], "little") < INFO_HEADER:
        return
    _, width, height, _, bits, compression = struct.unpack("<IiiHHI", header)
    row_bytes = (width * bits + 31) // 32 * 4
    if compression in PACKED or row_bytes <= 0 or not height:
        return
    present = round(min(max(0, len(data) - start) // row_bytes / abs(height), 1), 3)
    if present < 1:
        raise UndecodableImage(
            f"the BMP is incomplete: only {present:.0%} of its rows are present", present=present
        ) from error


def _read(data: bytes, limits: ImageLimits) -> Picture:
    with BmpImagePlugin.BmpImageFile(io.BytesIO(data)) as image:
        limits.check(pixels=image.width * image.height)
        dpi = sound_dpi(*image.info.get("dpi", (0, 0)))
        pixels = image.convert({"1": "L", "P": "RGB"}.get(image.mode, image.mode))
    return picture_of([_opaque(np.asarray(pixels))], ImageFormat.BMP, Metadata(dpi=dpi))


def _opaque(samples: PixelArray) -> PixelArray:
    """Drop a constant alpha: in most files with four channels the fourth is padding, 0 or 255 everywhere."""
    if samples.ndim < 3 or samples.shape[2] != 4:
        return samples
    alpha = samples[..., 3]
    return samples[..., :3] if alpha.min() == alpha.max() else samples


def write(picture: Picture) -> bytes:
    """Encode one uint8 frame: 8-bit gray, 24-bit color, or 32-bit color with alpha, uncompressed."""
    buffer = io.BytesIO()
    Image.fromarray(picture.raster()).save(
        buffer, "BMP", **({"dpi": picture.metadata.dpi} if picture.metadata.dpi else {})
    )
    return buffer.getvalue()
