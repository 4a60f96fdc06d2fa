"""BMP through Pillow."""

import io

import numpy as np
from PIL import BmpImagePlugin, Image

from biasfree.pixels import PixelArray
from service.imaging.formats import ImageFormat
from service.imaging.limits import ImageLimits
from service.imaging.metadata import Metadata, sound_dpi
from service.imaging.picture import Picture, picture_of


def read(data: bytes, limits: ImageLimits) -> Picture:
    """Decode a BMP; a palette becomes RGB (or gray, if all its colors are gray), 1 bit becomes 8 bits.

    The plugin's class is used directly because ``Image.open`` would enforce Pillow's global pixel limit, not ours.
    """
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
