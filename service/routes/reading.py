"""The decoding of an uploaded image, for every route that takes one."""

from typing import TypeVar

from service.analysis.options import AnalysisOptions
from service.denoising.options import DenoiseOptions
from service.http.body import Upload
from service.imaging import ImageLimits, Picture, decode

Options = TypeVar("Options", DenoiseOptions, AnalysisOptions)


def read(upload: Upload, options: Options, limits: ImageLimits) -> tuple[Picture, Options]:
    """Decode an image; return it with the options, which take the file's bit depth unless the caller names one."""
    picture = decode(upload.data, limits=limits, declared=upload.declared, axes=options.axes)
    if options.bit_depth is None and picture.bit_depth is not None:
        options = options.model_copy(update={"bit_depth": picture.bit_depth})
    return picture, options
