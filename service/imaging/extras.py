"""The formats whose library may be missing: the extra that installs it, and what is read without it."""

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec

import imagecodecs

from service.errors import UnsupportedMedia
from service.imaging.formats import ImageFormat


@dataclass(frozen=True)
class Extra:
    """An extra of the distribution, and the module that it brings."""

    name: str
    module: str


EXTRAS = {
    ImageFormat.HEIC: Extra("heif", "pillow_heif"),
    ImageFormat.RAW: Extra("raw", "rawpy"),
    ImageFormat.FITS: Extra("fits", "astropy"),
    ImageFormat.DICOM: Extra("dicom", "pydicom"),
}

#: Codecs of imagecodecs that a slim installation leaves out.
CODECS = {
    ImageFormat.AVIF: ("AVIF",),
    ImageFormat.JXL: ("JPEGXL",),
    ImageFormat.JP2: ("JPEG2K",),
}


@cache
def installed(format: ImageFormat) -> bool:
    """Tell whether the library for a format is installed, without importing an extra."""
    if extra := EXTRAS.get(format):
        return find_spec(extra.module) is not None
    return all(getattr(imagecodecs, codec).available for codec in CODECS.get(format, ()))


def readable() -> list[ImageFormat]:
    """Return the formats that this installation reads."""
    return [each for each in ImageFormat if installed(each)]


def require(format: ImageFormat) -> None:
    """Refuse a format whose library is not installed, with the command that installs it.

    Raises:
        UnsupportedMedia: ``facts`` has ``supported``, and ``command`` if an extra brings it.
    """
    if installed(format):
        return
    supported = [each.media_type for each in readable()]
    if extra := EXTRAS.get(format):
        command = f"pip install 'biasfree[{extra.name}]'"
        raise UnsupportedMedia(
            f"this is {format.kind}: to read it, the service needs the extra {extra.name} ({command}); "
            f"or send {', '.join(readable())}",
            supported=supported,
            command=command,
        )
    raise UnsupportedMedia(
        f"this is {format.kind}, and this installation leaves out its codec: send {', '.join(readable())}",
        supported=supported,
    )
