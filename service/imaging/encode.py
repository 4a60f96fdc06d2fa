"""A picture -> bytes, and what each format can hold."""

from dataclasses import dataclass

from service.errors import UnsupportedOutput
from service.imaging import bmp, jpeg, npy, png, tiff, webp
from service.imaging.formats import ImageFormat
from service.imaging.picture import DTYPES, Picture

WRITERS = {
    ImageFormat.PNG: png.write,
    ImageFormat.JPEG: jpeg.write,
    ImageFormat.WEBP: webp.write,
    ImageFormat.BMP: bmp.write,
    ImageFormat.TIFF: tiff.write,
    ImageFormat.NPY: npy.write,
}


@dataclass(frozen=True)
class Capacity:
    """What a format can hold; ``max_side`` is in pixels, None where no image that is accepted reaches it."""

    dtypes: tuple[str, ...]
    alpha: bool = False
    premultiplied: bool = False
    stack: bool = False
    mixed_frames: bool = False
    max_side: int | None = None


# Sides: WebP's 14 bits; libjpeg's JPEG_MAX_DIMENSION; libpng's default user limit, which its readers keep too.
CAPACITIES = {
    ImageFormat.PNG: Capacity(("uint8", "uint16"), alpha=True, max_side=1_000_000),
    ImageFormat.JPEG: Capacity(("uint8",), max_side=65_500),
    ImageFormat.WEBP: Capacity(("uint8",), alpha=True, max_side=16_383),
    ImageFormat.BMP: Capacity(("uint8",)),
    ImageFormat.TIFF: Capacity(DTYPES, alpha=True, premultiplied=True, stack=True, mixed_frames=True),
    ImageFormat.NPY: Capacity(DTYPES, alpha=True, premultiplied=True, stack=True),
}


def can_hold(picture: Picture, format: ImageFormat) -> bool:
    """Whether ``format`` can hold this picture's frames, alpha and dtype."""
    capacity = CAPACITIES[format]
    return (
        picture.dtype.name in capacity.dtypes
        and (capacity.alpha or not picture.has_alpha)
        and (capacity.premultiplied or not picture.metadata.premultiplied)
        and (capacity.stack or len(picture.frames) == 1)
        and (capacity.mixed_frames or picture.uniform)
        and (capacity.max_side is None or capacity.max_side >= max(max(frame.shape) for frame in picture.frames))
    )


def check_output(picture: Picture, format: ImageFormat) -> None:
    """Refuse, before the work is done, what ``encode`` could not write.

    Args:
        picture: The decoded picture, in the colours it will have.
        format: The format wanted.

    Raises:
        UnsupportedOutput: ``facts`` has ``supported``, the names of the formats that can hold it.
    """
    if can_hold(picture, format):
        return
    supported = [other.value for other in ImageFormat if can_hold(picture, other)]
    raise UnsupportedOutput(
        f"{format} cannot hold {len(picture.frames)} frame(s) of {picture.frames[0].shape} {picture.dtype}"
        f"{' with alpha' if picture.has_alpha else ''}; expected one of {', '.join(supported)}",
        supported=supported,
    )


def encode(picture: Picture, format: ImageFormat) -> bytes:
    """Write a picture; every format but JPEG is lossless. A gray WebP is written as RGB, for there is no other.

    Raises:
        UnsupportedOutput: ``format`` cannot hold it.
    """
    check_output(picture, format)
    return WRITERS[format](picture)
