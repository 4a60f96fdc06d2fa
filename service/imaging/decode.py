"""Bytes of any format read here -> a picture."""

from service.errors import UndecodableImage, UnsupportedMedia
from service.imaging import bmp, jpeg, npy, png, tiff, webp
from service.imaging.formats import ImageFormat, foreign_image, identify
from service.imaging.library_errors import translated
from service.imaging.limits import ImageLimits
from service.imaging.picture import Picture

READERS = {
    ImageFormat.PNG: png.read,
    ImageFormat.JPEG: jpeg.read,
    ImageFormat.WEBP: webp.read,
    ImageFormat.BMP: bmp.read,
    ImageFormat.TIFF: tiff.read,
}


def decode(
    data: bytes, *, limits: ImageLimits, declared: ImageFormat | None = None, gray_stack: bool = False
) -> Picture:
    """Decode an image without loss, upright, gray or RGB.

    Args:
        data: The whole file. An NPY picture keeps it alive and shows its memory: its frames are read-only.
        limits: Checked against the header, before pixels are decoded.
        declared: What the sender called it. The content decides; this only words the error for what is no image.
        gray_stack: Read every 3-d NPY as (Z, H, W). Without it a last axis of 1 to 4 means channels.

    Raises:
        UnsupportedMedia: The format, or the kind of pixels in it, is not read here; ``facts`` has ``supported``.
        UndecodableImage: The bytes are damaged, cut short, or not the ``declared`` image at all.
        ImageTooLarge: The header announces more than ``limits``.
    """
    found = _identify(data, declared)
    with translated(found):
        if found is ImageFormat.NPY:
            return npy.read(data, limits, gray_stack=gray_stack)
        return READERS[found](data, limits)


def _identify(data: bytes, declared: ImageFormat | None) -> ImageFormat:
    try:
        return identify(data)
    except UnsupportedMedia as exc:
        if declared is None or foreign_image(data):
            raise
        raise UndecodableImage(f"expected a {declared} file, got what is not an image") from exc
