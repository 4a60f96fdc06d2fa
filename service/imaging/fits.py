"""FITS, the format of astronomy, through astropy (the extra ``fits``)."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from biasfree.pixels import PixelArray
from service.errors import InvalidPixels, UndecodableImage, UnsupportedMedia
from service.imaging.formats import ImageFormat
from service.imaging.library_errors import silence, translated
from service.imaging.limits import ImageLimits
from service.imaging.metadata import Metadata
from service.imaging.picture import Picture, picture_of

#: Headers with more cards than this are not kept.
MAX_HEADER_BYTES = 1_000_000
#: Cards that describe the stored values, which are new (FITS 4.0, section 4.4).
PIXEL_CARDS = ("BSCALE", "BZERO", "BLANK", "CHECKSUM", "DATASUM", "DATAMIN", "DATAMAX")
#: Cards about extensions, of which the written files have none.
EXTENSION_CARDS = ("INHERIT", "NEXTEND")


def read(data: bytes, limits: ImageLimits) -> Picture:
    """Decode the first image of a file: (H, W), or (Z, H, W) as a stack, in the order of its rows.

    Unsigned integers are those that BZERO makes of signed ones; any other scaling gives floats.
    """
    from astropy.io import fits  # An extra, loaded when it is needed.

    silence("astropy")
    with fits.open(io.BytesIO(data), memmap=False, lazy_load_hdus=True) as file:
        index = _first_image(file, limits)
        hdu = file[index]
        if len(hdu.shape) < 2:
            raise UnsupportedMedia(
                f"FITS data of one axis ({hdu.shape[0]} values), such as spectra, are not supported: "
                "send one image or a stack",
                supported=["(H, W)", "(Z, H, W)"],
            )
        shape = _without_leading_ones(hdu.shape)
        if len(shape) > 3:
            raise UnsupportedMedia(
                f"FITS images of {len(hdu.shape)} axes are not supported: send one image or a stack",
                supported=["(H, W)", "(Z, H, W)"],
            )
        frames = shape[0] if len(shape) == 3 else 1
        limits.check(pixels=int(np.prod(shape, dtype=object)), frames=frames)
        values = hdu.data if _blank(hdu.header) is None else _without_blank(hdu, data, index, frames)
        samples = values.astype(values.dtype.newbyteorder("="), copy=False).reshape(frames, *shape[-2:])
        header = _kept_or_none(hdu.header, file[0].header if index else None)
        more = _has(file, index + 1)
    warning = "only the first image of the FITS file was read" if more else ""
    return picture_of(list(samples), ImageFormat.FITS, Metadata(fits_header=header), warning=warning)


def write(picture: Picture) -> bytes:
    """Encode gray frames as the primary image, with the cards of the input's header that do not describe its pixels.

    Leading axes of length 1, which these cards may describe, are those of the input.
    """
    from astropy.io import fits

    pages = [frame[..., 0] for frame in picture.frames]
    data = np.stack(pages) if len(pages) > 1 else pages[0]
    if picture.metadata.fits_header is None:
        return _file(data, None)
    header = fits.Header.fromstring(picture.metadata.fits_header)
    return _file(data.reshape((1,) * (header["NAXIS"] - data.ndim) + data.shape), header)


def _file(data: PixelArray, header: Any | None) -> bytes:
    """Return a file of one image with the cards of ``header``."""
    from astropy.io import fits

    hdu, buffer = fits.PrimaryHDU(data), io.BytesIO()
    if header is not None:
        hdu.header.extend(header, unique=True, update=False)
    hdu.writeto(buffer, output_verify="silentfix")
    return buffer.getvalue()


def _blank(header: Any) -> int | None:
    """Return the integer that stands for pixels without a value (FITS 4.0, section 4.4.2.5); None if there is none."""
    blank = header.get("BLANK")
    return blank if isinstance(blank, int) and header.get("BITPIX", 0) > 0 else None


def _without_blank(hdu: Any, data: bytes, index: int, frames: int) -> PixelArray:
    """Return the values of an image whose header has BLANK; astropy gives floats even if no pixel is BLANK.

    Raises:
        InvalidPixels: A pixel is BLANK; ``facts`` as for pixels that are not finite.
    """
    from astropy.io import fits

    with fits.open(io.BytesIO(data), memmap=False, do_not_scale_image_data=True) as file:
        stored = np.asarray(file[index].data)
    blank, unscaled = _blank(hdu.header), (hdu.header.get("BSCALE", 1), hdu.header.get("BZERO", 0)) == (1, 0)
    counts = [int(np.count_nonzero(frame == blank)) for frame in stored.reshape(frames, -1)]
    if any(counts):
        frame = next(index for index, count in enumerate(counts) if count)
        raise InvalidPixels(
            f"{sum(counts)} pixels are BLANK ({blank}), which means without a value, the first in frame {frame}: "
            "replace them first, for example by the median of the image",
            count=sum(counts),
            frame=frame,
        )
    return stored if unscaled else np.asarray(hdu.data)


def _kept(header: Any, primary: Any | None) -> str | None:
    """Return the cards that do not describe the pixels, and that can be written; damaged ones are left out.

    An extension inherits the cards of the primary header that it lacks (FITS 4.0, section 4.4.2.6), unless it says no.
    NAXIS remains, as the number of axes to write.
    """
    described = header.copy(strip=True)
    if primary is not None and header.get("INHERIT", True) is not False:
        described.extend(primary, unique=True)
    described.set("NAXIS", header["NAXIS"])
    for name in (*PIXEL_CARDS, *EXTENSION_CARDS):
        described.remove(name, ignore_missing=True, remove_all=True)
    if not _is_writable(described):
        described = type(described)([card for card in described.cards if _is_writable(type(described)([card]))])
    text: str = described.tostring()
    return text if len(text) <= MAX_HEADER_BYTES and _is_writable(described) else None


def _kept_or_none(header: Any, primary: Any | None) -> str | None:
    """Return what is kept of a header; None if it is too damaged even to be looked through."""
    try:
        with translated(ImageFormat.FITS):
            return _kept(header, primary)
    except UndecodableImage:
        return None


def _is_writable(header: Any) -> bool:
    """Tell whether a file can be written with a header, and its header be read again."""
    from astropy.io import fits

    try:
        with translated(ImageFormat.FITS):
            _file(np.zeros((1, 1), np.uint8), fits.Header.fromstring(header.tostring()))
    except UndecodableImage:
        return False
    return True


def _first_image(file: Any, limits: ImageLimits) -> int:
    """Return the number of the first HDU with pixels, without loading them."""
    for index in range(limits.max_frames + 1):
        try:
            hdu = file[index]
        except IndexError:
            break
        if getattr(hdu, "is_image", False) and len(hdu.shape) > 0 and min(hdu.shape) > 0:
            return index
    raise UndecodableImage("the FITS file has no image")


def _has(file: Any, index: int) -> bool:
    """Tell whether a file has an HDU of this number, damaged or not."""
    try:
        return file[index] is not None
    except IndexError:
        return False
    except (OSError, ValueError, TypeError, KeyError):
        return True


def _without_leading_ones(shape: Sequence[int]) -> list[int]:
    """Return a shape of two or more axes; radio images have axes of one frequency and one polarization."""
    sides = list(shape)
    while len(sides) > 2 and sides[0] == 1:
        sides.pop(0)
    return sides
