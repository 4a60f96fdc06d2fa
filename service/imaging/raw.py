"""Camera raw files (DNG, CR2, CR3, NEF, ARW, RAF and others), developed by LibRaw (rawpy, the extra ``raw``)."""

import io

from service.errors import UnsupportedMedia
from service.imaging import raw_exif
from service.imaging.formats import ImageFormat
from service.imaging.limits import ImageLimits
from service.imaging.metadata import Metadata
from service.imaging.picture import Picture, picture_of


def read(data: bytes, limits: ImageLimits) -> Picture:
    """Develop a raw file to 16-bit sRGB with the camera's white balance, upright, without a change of brightness.

    Opening reads the header only; the pixels are unpacked for the development.
    """
    import rawpy  # An extra, loaded when it is needed.

    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            sizes = raw.sizes
            limits.check(pixels=max(sizes.raw_width * sizes.raw_height, sizes.iwidth * sizes.iheight))
            samples = raw.postprocess(use_camera_wb=True, output_bps=16, no_auto_bright=True)
    except (rawpy.LibRawFileUnsupportedError, rawpy.LibRawNotImplementedError) as exc:
        raise UnsupportedMedia(
            "LibRaw does not read the files of this camera: develop it to a TIFF, or convert it to DNG",
            supported=["tiff", "DNG"],
        ) from exc
    return picture_of([samples], ImageFormat.RAW, Metadata(exif=raw_exif.read(data).kept))
