"""JPEG through Pillow: gray, RGB and CMYK."""

import io

import numpy as np
from PIL import Image, JpegImagePlugin

from biasfree.pixels import PixelArray
from service.errors import UndecodableImage, UnsupportedMedia
from service.imaging.color import cmyk_to_rgb
from service.imaging.exif import PREFIX, read_exif
from service.imaging.formats import ImageFormat
from service.imaging.limits import ImageLimits
from service.imaging.metadata import Metadata, sound_dpi
from service.imaging.orientation import turned, upright
from service.imaging.picture import Picture, picture_of

# libjpeg's own scale; with full-resolution color the loss is below noise of sigma 2, less than any denoiser leaves.
QUALITY = 95

#: JFIF has 16 bits for a resolution.
MOST_DPI = 65_535

#: The end marker, and bits that decode to pixels other than gray, which libjpeg uses for missing data.
END, FILLER = b"\xff\xd9", bytes([0x5A, 0x13, 0x77, 0x2D]) * 4096


def read(data: bytes, limits: ImageLimits) -> Picture:
    """Decode the first image of a JPEG file (MPO, gain maps have several). CMYK becomes sRGB and loses its profile.

    The plugin's class is used directly because ``Image.open`` would enforce Pillow's global pixel limit, not ours.
    """
    with JpegImagePlugin.JpegImageFile(io.BytesIO(data)) as image:
        limits.check(pixels=image.width * image.height)
        if image.mode not in {"L", "RGB", "CMYK"}:
            raise UnsupportedMedia(
                f"JPEG files of mode {image.mode} are not supported: convert to gray, RGB or CMYK",
                supported=["L", "RGB", "CMYK"],
            )
        samples = _samples(image, data)
        icc = image.info.get("icc_profile")
        dpi = sound_dpi(*image.info.get("dpi", (0, 0)))
        exif = read_exif(image.info.get("exif"), ImageFormat.JPEG)
        if image.mode == "CMYK":
            # Pillow has already undone Adobe's inversion of the inks.
            samples, icc = cmyk_to_rgb(samples, icc), None
    metadata = Metadata(icc=icc, exif=exif.kept, dpi=turned(dpi, exif.orientation))
    return picture_of([upright(samples, exif.orientation)], ImageFormat.JPEG, metadata)


def write(picture: Picture, quality: int | None = None) -> bytes:
    """Encode one uint8 frame, by default at quality 95, without chroma subsampling."""
    metadata = picture.metadata
    buffer = io.BytesIO()
    Image.fromarray(picture.raster()).save(
        buffer,
        "JPEG",
        quality=quality or QUALITY,
        subsampling="4:4:4",
        icc_profile=metadata.icc_for(picture.channels),
        exif=PREFIX + metadata.exif if metadata.exif else b"",
        dpi=metadata.dpi if metadata.dpi and max(metadata.dpi) < MOST_DPI else (0, 0),
    )
    return buffer.getvalue()


def _samples(image: JpegImagePlugin.JpegImageFile, data: bytes) -> PixelArray:
    """Return the pixels; a file that lacks only its end marker has all of them.

    Such a file is decoded with two different endings: pixels that differ are missing. A progressive file may lack whole
    scans.

    Raises:
        UndecodableImage: Some pixels are missing; ``facts`` has ``present``, their share in rows.
    """
    try:
        return np.asarray(image)
    except OSError as exc:
        if image.info.get("progressive"):
            raise UndecodableImage(
                "the progressive JPEG is incomplete: it ends before its last scan", present=None
            ) from exc
        first, second = (_decoded(data.rstrip(b"\0") + filler + END) for filler in (b"", FILLER))
        differs = (first != second).reshape(len(first), -1).any(axis=1)
        if not differs.any():
            return first
        present = int(differs.argmax()) / len(differs)
        raise UndecodableImage(
            f"the JPEG is incomplete: only {present:.0%} of its rows are present", present=round(present, 3)
        ) from exc


def _decoded(data: bytes) -> PixelArray:
    with JpegImagePlugin.JpegImageFile(io.BytesIO(data)) as image:
        return np.asarray(image)
