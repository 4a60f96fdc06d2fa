"""From request bytes to pixel arrays and back, without loss and without HTTP.

``decode`` and ``encode`` are the two ends; what lies between them is a ``Picture``. Everything raised is a
``service.errors.ServiceError``: whatever a codec library throws is translated where it is called.
"""

from service.imaging.color import all_channels, luma, one_channel, to_gray, to_rgb
from service.imaging.decode import decode
from service.imaging.encode import can_hold, check_output, encode
from service.imaging.formats import ImageFormat, identify
from service.imaging.limits import ImageLimits
from service.imaging.metadata import Metadata
from service.imaging.picture import Layout, Picture, PixelArray, with_frames
from service.imaging.pixels import FloatArray, from_float, intensity_range, require_finite, to_float

__all__ = [
    "FloatArray",
    "ImageFormat",
    "ImageLimits",
    "Layout",
    "Metadata",
    "Picture",
    "PixelArray",
    "all_channels",
    "can_hold",
    "check_output",
    "decode",
    "encode",
    "from_float",
    "identify",
    "intensity_range",
    "luma",
    "one_channel",
    "require_finite",
    "to_float",
    "to_gray",
    "to_rgb",
    "with_frames",
]
