"""The lossless conversion of request bytes to pixel arrays and back, independent of HTTP.

``decode`` returns a ``Picture``, and ``encode`` takes one. Every exception is a ``service.errors.ServiceError``: those
of codec libraries are translated where they are called.
"""

from service.imaging.bits import check_bits, with_bits
from service.imaging.color import all_channels, one_channel, to_gray, to_rgb
from service.imaging.decode import decode
from service.imaging.encode import WRITABLE, can_hold, check_output, color_warning, encode
from service.imaging.extras import readable
from service.imaging.formats import ImageFormat, identify
from service.imaging.limits import ImageLimits
from service.imaging.metadata import Metadata
from service.imaging.picture import Layout, Picture, with_frames

__all__ = [
    "WRITABLE",
    "ImageFormat",
    "ImageLimits",
    "Layout",
    "Metadata",
    "Picture",
    "all_channels",
    "can_hold",
    "check_bits",
    "check_output",
    "color_warning",
    "decode",
    "encode",
    "identify",
    "one_channel",
    "readable",
    "to_gray",
    "to_rgb",
    "with_bits",
    "with_frames",
]
