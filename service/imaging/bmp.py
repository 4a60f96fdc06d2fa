"""BMP by Pillow."""

import io

import numpy as np
from PIL import BmpImagePlugin, Image

from service.imaging.formats import ImageFormat
from service.imaging.limits import ImageLimits
from service.imaging.metadata import Metadata, sound_dpi
from service.imaging.picture import Picture, picture_of


def read(data: bytes, limits: ImageLimits) -> Picture:
    """Decode a BMP; palettes become RGB (gray, if all grays), 1 bit becomes 8.

    The plugin's class is used without ``Image.open``: that would look at Pillow's global pixel limit, not at ours.
    """
    with BmpImagePlugin.BmpImageFile(io.BytesIO(data)) as image:
        limits.check(pixels=image.width * image.height)
        dpi = sound_dpi(*image.info.get("dpi", (0, 0)))
        pixels = image.convert({"1": "L", "P": "RGB"}.get(image.mode, image.mode))
    return picture_of([np.asarray(pixels)], ImageFormat.BMP, Metadata(dpi=dpi))


def write(picture: Picture) -> bytes:
    """Encode one uint8 frame without alpha: 8-bit gray or 24-bit colour, uncompressed."""
    buffer = io.BytesIO()
    Image.fromarray(picture.raster()).save(
        buffer, "BMP", **({"dpi": picture.metadata.dpi} if picture.metadata.dpi else {})
    )
    return buffer.getvalue()
