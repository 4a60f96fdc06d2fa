"""NPY: numpy's own array file, read without a copy."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib import format as npy_format

from biasfree.pixels import PixelArray
from service.errors import UndecodableImage, UnsupportedMedia
from service.imaging.formats import ImageFormat
from service.imaging.limits import ImageLimits
from service.imaging.picture import DTYPES, Layout, Picture, split_alpha

# A header of a plain dtype takes 128 bytes. numpy parses it as Python; in a long one, nesting exhausts the parser's
# stack, which Python reports as MemoryError.
MAX_HEADER_BYTES = 1024

HEADER_READERS = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}

SHAPES = ["(H, W)", "(H, W, 1..4)", "(Z, H, W)", "(Z, H, W, 1..4)"]


def read(data: bytes, limits: ImageLimits, *, gray_stack: bool = False) -> Picture:
    """View an NPY as pictures (H, W), (H, W, S), (Z, H, W) or (Z, H, W, S); a second or fourth sample is alpha.

    Three axes are ambiguous: a last one of 1 to 4 is taken for samples, unless ``gray_stack`` says that the first one
    counts pages. Native arrays in either order are not copied; foreign byte order is.
    """
    stream = io.BytesIO(data)
    shape, fortran, dtype = _header(stream)
    layout = _layout(shape, gray_stack)
    height, width = shape[layout.stacked :][:2]
    frames = shape[0] if layout.stacked else 1
    limits.check(pixels=frames * height * width, frames=frames)
    array = _view(data, stream.tell(), shape, fortran, dtype)
    pages = array if layout.stacked else array[np.newaxis]
    split = [split_alpha(page if layout.channel_axis else page[..., np.newaxis]) for page in pages]
    return Picture(tuple(page for page, _ in split), tuple(alpha for _, alpha in split), ImageFormat.NPY, layout=layout)


def write(picture: Picture) -> bytes:
    """Encode every frame, in the axes the picture came with; the pixels are copied once."""
    layout = picture.layout
    pages = [np.ascontiguousarray(picture.samples(index)) for index in range(len(picture.frames))]
    shape: tuple[int, ...] = pages[0].shape
    if shape[2] == 1 and not layout.channel_axis:
        shape = shape[:2]
    if layout.stacked or len(pages) > 1:
        shape = (len(pages), *shape)
    header = io.BytesIO()
    descr = npy_format.dtype_to_descr(picture.dtype)
    npy_format.write_array_header_1_0(header, {"descr": descr, "fortran_order": False, "shape": shape})
    return b"".join((header.getvalue(), *(page.data for page in pages)))


def _header(stream: io.BytesIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, Fortran order and dtype. Version 3 differs only in the names of fields, which pixels have none of."""
    version = npy_format.read_magic(stream)
    if version not in HEADER_READERS:
        raise UnsupportedMedia(f"expected NPY version 1 or 2, got {version}", supported=["1.0", "2.0"])
    shape, fortran, dtype = HEADER_READERS[version](stream, max_header_size=MAX_HEADER_BYTES)
    if dtype.name not in DTYPES:
        raise UnsupportedMedia(f"expected an array of {', '.join(DTYPES)}, got {dtype}", supported=list(DTYPES))
    return shape, fortran, dtype


def _layout(shape: Sequence[int], gray_stack: bool) -> Layout:
    channel_axis = len(shape) > 2 and shape[-1] in {1, 2, 3, 4} and not (gray_stack and len(shape) == 3)
    layout = Layout(stacked=len(shape) - channel_axis == 3, channel_axis=channel_axis)
    if len(shape) != 2 + layout.stacked + layout.channel_axis:
        raise UnsupportedMedia(f"expected an array {' or '.join(SHAPES)}, got {tuple(shape)}", supported=SHAPES)
    if min(shape) < 1:
        raise UndecodableImage(f"expected an array with pixels in it, got {tuple(shape)}")
    return layout


def _view(data: bytes, start: int, shape: Sequence[int], fortran: bool, dtype: np.dtype[Any]) -> PixelArray:
    count = int(np.prod(shape, dtype=object))
    if len(data) - start < count * dtype.itemsize:
        raise UndecodableImage(f"expected {count * dtype.itemsize} bytes of pixels, got {len(data) - start}")
    array = np.frombuffer(data, dtype, count, start).reshape(shape, order="F" if fortran else "C")
    return array.astype(dtype.newbyteorder("="), copy=False)
