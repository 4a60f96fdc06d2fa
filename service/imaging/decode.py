"""The decoding of bytes in any supported format to a picture."""

from service.errors import InvalidParameter, UndecodableImage, UnsupportedMedia
from service.imaging import avif, bmp, dicom, fits, gif, heif, jp2, jpeg, jxl, npy, png, pnm, raw, tiff, webp
from service.imaging.extras import readable, require
from service.imaging.formats import ImageFormat, foreign_image, identify, other_file
from service.imaging.library_errors import translated
from service.imaging.limits import ImageLimits
from service.imaging.picture import Picture

#: Maximum number of zero bytes skipped before a file.
MAX_LEADING_NUL = 4096

READERS = {
    ImageFormat.PNG: png.read,
    ImageFormat.JPEG: jpeg.read,
    ImageFormat.WEBP: webp.read,
    ImageFormat.BMP: bmp.read,
    ImageFormat.TIFF: tiff.read,
    ImageFormat.AVIF: avif.read,
    ImageFormat.PNM: pnm.read,
    ImageFormat.FITS: fits.read,
    ImageFormat.HEIC: heif.read,
    ImageFormat.JXL: jxl.read,
    ImageFormat.JP2: jp2.read,
    ImageFormat.GIF: gif.read,
    ImageFormat.RAW: raw.read,
    ImageFormat.DICOM: dicom.read,
}


def decode(
    data: bytes, *, limits: ImageLimits, declared: ImageFormat | None = None, axes: str | None = None
) -> Picture:
    """Decode an image without loss, upright, gray or RGB.

    Args:
        data: The whole file. An NPY picture keeps it alive and shares its memory: its frames are read-only.
        limits: Checked against the header, before pixels are decoded.
        declared: Format declared by the sender. The content decides; this only affects the message if it is no image.
        axes: The axes of an NPY, such as ``CYX``.

    Raises:
        UnsupportedMedia: The format, or its kind of pixels, is not supported; ``facts`` has ``supported``.
        UndecodableImage: The bytes are damaged, truncated, or not the ``declared`` image at all.
        ImageTooLarge: The header exceeds ``limits``.
    """
    data = _without_leading_nul(data)
    found = _identify(data, declared)
    require(found)
    with translated(found):
        if found is ImageFormat.NPY:
            return npy.read(data, limits, axes=axes)
        if axes is not None:
            raise InvalidParameter(f"axes is for NPY arrays only, and this is a {found} file: omit it", actual=axes)
        return READERS[found](data, limits)


def _without_leading_nul(data: bytes) -> bytes:
    """Drop zero bytes before a file, which some cameras and transfers add; some formats begin with them."""
    if data[:1] != b"\0" or _is_known(data):
        return data
    start = len(data[:MAX_LEADING_NUL]) - len(data[:MAX_LEADING_NUL].lstrip(b"\0"))
    return data[start:]


def _is_known(data: bytes) -> bool:
    try:
        return bool(identify(data))
    except UnsupportedMedia:
        return foreign_image(data) is not None


def _identify(data: bytes, declared: ImageFormat | None) -> ImageFormat:
    try:
        return identify(data, readable=readable())
    except UnsupportedMedia as exc:
        if declared is None or foreign_image(data):
            raise
        other = other_file(data)
        raise UndecodableImage(
            f"the body is declared as {declared}, but is not an image{f': this is {other}' if other else ''}"
        ) from exc
