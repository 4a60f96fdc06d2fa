"""JPEG by Pillow: gray, RGB and CMYK."""

import io

import numpy as np
from PIL import Image, JpegImagePlugin

from service.errors import UnsupportedMedia
from service.imaging.color import cmyk_to_rgb
from service.imaging.exif import PREFIX, read_exif
from service.imaging.formats import ImageFormat
from service.imaging.limits import ImageLimits
from service.imaging.metadata import Metadata, sound_dpi
from service.imaging.orientation import turned, upright
from service.imaging.picture import Picture, picture_of

# libjpeg's own scale; with full-resolution colour the loss is below a noise of sigma 2, less than any denoiser leaves.
QUALITY = 95


def read(data: bytes, limits: ImageLimits) -> Picture:
    """Decode a JPEG; of several images in one (MPO, gain maps) the first. CMYK becomes sRGB and loses its profile.

    The plugin's class is used without ``Image.open``: that would look at Pillow's global pixel limit, not at ours.
    """
    with JpegImagePlugin.JpegImageFile(io.BytesIO(data)) as image:
        limits.check(pixels=image.width * image.height)
        if image.mode not in {"L", "RGB", "CMYK"}:
            raise UnsupportedMedia(
                f"expected a gray, RGB or CMYK JPEG, got {image.mode}", supported=["L", "RGB", "CMYK"]
            )
        samples = np.asarray(image)
        icc = image.info.get("icc_profile")
        dpi = sound_dpi(*image.info.get("dpi", (0, 0)))
        exif = read_exif(image.info.get("exif"), ImageFormat.JPEG)
        if image.mode == "CMYK":
            # Pillow has turned Adobe's inverted inks the right way round already.
            samples, icc = cmyk_to_rgb(samples, icc), None
    metadata = Metadata(icc=icc, exif=exif.kept, dpi=turned(dpi, exif.orientation))
    return picture_of([upright(samples, exif.orientation)], ImageFormat.JPEG, metadata)


def write(picture: Picture) -> bytes:
    """Encode one uint8 frame at quality 95 without colour subsampling."""
    metadata = picture.metadata
    buffer = io.BytesIO()
    Image.fromarray(picture.raster()).save(
        buffer,
        "JPEG",
        quality=QUALITY,
        subsampling="4:4:4",
        icc_profile=metadata.icc_for(picture.channels),
        exif=PREFIX + metadata.exif if metadata.exif else b"",
        dpi=metadata.dpi or (0, 0),
    )
    return buffer.getvalue()
