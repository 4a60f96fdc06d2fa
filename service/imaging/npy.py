"""NPY, numpy's array format, read without a copy."""

import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.lib import format as npy_format

from biasfree.pixels import PixelArray
from service.errors import InvalidParameter, UndecodableImage, UnsupportedMedia
from service.imaging.formats import ImageFormat
from service.imaging.limits import ImageLimits
from service.imaging.metadata import Metadata
from service.imaging.picture import DTYPES, Layout, Picture, picture_of

# A header with a plain dtype takes 128 bytes. numpy parses it as Python; deep nesting in a long header would exhaust
# the parser's stack, which Python reports as MemoryError.
MAX_HEADER_BYTES = 1024

HEADER_READERS = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}

#: Allowed numbers of axes.
AXES = range(2, 5)
SHAPES = ["(H, W)", "(H, W, 1, 3 or 4)", "(Z, H, W)", "(Z, H, W, 1, 3 or 4)", "any of 2 to 4 axes with axes="]

#: Advice for the kinds of dtype that are never taken (``numpy.dtype.kind``).
ADVICE = {
    "b": "a mask is not denoised; if it is a picture of black and white, send array.astype('float32')",
    "c": "send its parts as two images, array.real and array.imag, or its magnitude, abs(array)",
}

#: Letters of ``axes``: height and width, channels (with alpha last: A), and one axis of a stack.
STACK_AXES, CHANNEL_AXES = "ZTNPIQ", "CSA"
#: A last axis of at most this length, after two axes at least four times as long, may be channels or a narrow width.
NARROW = 16


def read(data: bytes, limits: ImageLimits, *, axes: str | None = None) -> Picture:
    """Read an NPY of shape (H, W), (H, W, S), (Z, H, W) or (Z, H, W, S); a fourth sample is alpha.

    Three axes are ambiguous: a last axis of 1, 3 or, for integers, 4 counts as samples. A first axis of 3 or 4 counts
    as frames, with a warning. ``axes`` names each axis: ``YXC``, ``CYX``, ``ZYX``, ``YXA`` (samples, the last of which
    is alpha). Arrays in native byte order are not copied, in C or Fortran order; those in foreign byte order are.
    """
    stream = io.BytesIO(data)
    shape, fortran, dtype = _header(stream)
    _require_axes(shape)
    layout, alpha = _named(shape, axes) if axes else _layout(shape, dtype)
    ordered = [shape[axis] for axis in layout.order or range(len(shape))]
    height, width = ordered[layout.stacked :][:2]
    frames = ordered[0] if layout.stacked else 1
    limits.check(pixels=frames * height * width, frames=frames)
    limits.check_channels(frames * (ordered[-1] if layout.channel_axis else 1))
    array = _view(data, stream.tell(), shape, fortran, dtype)
    array = array if layout.order is None else array.transpose(layout.order)
    pages = array if layout.stacked else array[np.newaxis]
    picture = picture_of(list(pages), ImageFormat.NPY, Metadata(), alpha=[alpha] * len(pages))
    assumed, left_out = "" if axes else _warning(shape, layout, dtype), _left_out(data, stream.tell() + array.nbytes)
    return replace(picture, layout=layout).warned(assumed, left_out)


def write(picture: Picture) -> bytes:
    """Encode every frame with the axes of the input, copying the pixels once."""
    layout = picture.layout
    pages = [np.ascontiguousarray(picture.samples(index)) for index in range(len(picture.frames))]
    shape: tuple[int, ...] = pages[0].shape
    if shape[2] == 1 and not layout.channel_axis:
        shape = shape[:2]
    stacked = layout.stacked or len(pages) > 1
    if stacked:
        shape = (len(pages), *shape)
    if layout.order is not None and len(layout.order) == len(shape):
        array = np.stack(pages).reshape(shape).transpose(np.argsort(layout.order))
        shape, pages = array.shape, [np.ascontiguousarray(array)]
    header = io.BytesIO()
    descr = npy_format.dtype_to_descr(picture.dtype)
    npy_format.write_array_header_1_0(header, {"descr": descr, "fortran_order": False, "shape": shape})
    return b"".join((header.getvalue(), *(page.data for page in pages)))


def _header(stream: io.BytesIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, Fortran order and dtype. Version 3 differs only in field names, which pixels do not have."""
    version = npy_format.read_magic(stream)
    if version not in HEADER_READERS:
        number = ".".join(map(str, version))
        raise UnsupportedMedia(
            f"NPY version {number} is not supported: save it as version 1.0 or 2.0", supported=["1.0", "2.0"]
        )
    shape, fortran, dtype = HEADER_READERS[version](stream, max_header_size=MAX_HEADER_BYTES)
    # numpy takes any integers, and True is one.
    if any(isinstance(side, bool) or side < 0 for side in shape):
        raise UndecodableImage(f"the NPY header has the shape {shape}: each side must be a number of at least 1")
    if dtype.name not in DTYPES:
        advice = ADVICE.get(dtype.kind, f"convert to {', '.join(DTYPES)}")
        raise UnsupportedMedia(f"arrays of {dtype} are not supported: {advice}", supported=list(DTYPES))
    return shape, fortran, dtype


def _named(shape: Sequence[int], axes: str) -> tuple[Layout, bool]:
    """Return the layout defined by ``axes``, and whether the last sample is alpha."""
    letters = axes.upper()
    stack = [letter for letter in letters if letter in STACK_AXES]
    channel = [letter for letter in letters if letter in CHANNEL_AXES]
    order = [*stack, "Y", "X", *channel]
    if sorted(order) != sorted(letters) or len(set(order)) != len(order) or len(stack) > 1 or len(channel) > 1:
        raise InvalidParameter(
            f"axes={axes} must have Y and X, at most one of {', '.join(CHANNEL_AXES)} for channels (A: last is alpha) "
            f"and at most one of {', '.join(STACK_AXES)} for a stack",
            actual=axes,
        )
    if len(letters) != len(shape):
        raise InvalidParameter(
            f"axes={axes} names {len(letters)} axes, but the array of shape {tuple(shape)} has {len(shape)}"
        )
    _require_pixels(shape)
    alpha = channel == ["A"]
    if alpha and shape[letters.index("A")] < 2:
        raise InvalidParameter(
            f"axes={axes} names an alpha channel, but the array of shape {tuple(shape)} has one sample per pixel"
        )
    places = tuple(letters.index(letter) for letter in order)
    moved = places if places != tuple(range(len(places))) else None
    return Layout(stacked=bool(stack), channel_axis=bool(channel), order=moved), alpha


def _layout(shape: Sequence[int], dtype: np.dtype[Any]) -> tuple[Layout, bool]:
    """Infer the layout from the shape, and refuse an ambiguous one."""
    _require_pixels(shape)
    samples = shape[-1] if len(shape) > 2 else 0
    narrow = len(shape) == 3 and 4 < samples <= NARROW and min(shape[:2]) >= 4 * samples
    # Floats with alpha are rare, but narrow stacks of floats are not.
    if samples == 2 or narrow or (len(shape) == 3 and samples == 4 and dtype.kind == "f"):
        raise UnsupportedMedia(
            f"the axes of an array of shape {tuple(shape)} are ambiguous: name them, for example axes="
            f"{'YXC' if len(shape) == 3 else 'ZYXC'} for channels last"
            + (f", axes={'YXA' if len(shape) == 3 else 'ZYXA'} if the last is alpha" if samples in {2, 4} else "")
            + (", axes=ZYX for a stack of gray images" if len(shape) == 3 and samples != 2 else ""),
            supported=SHAPES,
        )
    channel_axis = samples in {1, 3, 4}
    layout = Layout(stacked=len(shape) - channel_axis == 3, channel_axis=channel_axis)
    if len(shape) != 2 + layout.stacked + layout.channel_axis:
        raise UnsupportedMedia(
            f"an array of shape {tuple(shape)} is not one of {', '.join(SHAPES)}: name its axes, for example axes=ZCYX",
            supported=SHAPES,
        )
    return layout, samples == 4


def _warning(shape: Sequence[int], layout: Layout, dtype: np.dtype[Any]) -> str:
    """Return the assumption about an array whose first or last axis, or fourth sample, may be channels as well."""
    if len(shape) == 4 and shape[-1] == 4 and dtype.kind == "f":
        return (
            f"the fourth sample of an array of shape {tuple(shape)} was read as alpha; name its axes to be sure: "
            "axes=ZYXA, or axes=ZYXC if it is a channel"
        )
    if len(shape) != 3 or layout.channel_axis:
        return ""
    frames, height, width = shape
    if frames in {3, 4}:
        other, place = "CYX", "first"
    elif width < min(frames, height) or frames == height != width:
        # Many bands, as spectrometers have; a stack of such narrow images is rare.
        other, place = "YXC", "last"
    else:
        return ""
    return (
        f"an array of shape {tuple(shape)} was read as a stack of {frames} gray images; name its axes to be sure: "
        f"axes=ZYX, or axes={other} if the {place} axis is channels"
    )


def _left_out(data: bytes, end: int) -> str:
    """Return the warning about a further array after the pixels, as ``numpy.save`` appends it to an open file."""
    return "only the first array of the NPY file was read" if data.startswith(npy_format.MAGIC_PREFIX, end) else ""


def _require_axes(shape: Sequence[int]) -> None:
    if len(shape) in AXES:
        return
    few = "reshape it to (H, W)"
    many = "at most a stack of images with channels (4 axes) is taken, so send one such stack at a time"
    raise UnsupportedMedia(
        f"an array of shape {tuple(shape)} is not one of {', '.join(SHAPES)}: "
        f"{few if len(shape) < AXES.start else many}",
        supported=SHAPES,
    )


def _require_pixels(shape: Sequence[int]) -> None:
    if 0 in shape:
        raise UndecodableImage(f"an array of shape {tuple(shape)} has no pixels")


def _view(data: bytes, start: int, shape: Sequence[int], fortran: bool, dtype: np.dtype[Any]) -> PixelArray:
    count = int(np.prod(shape, dtype=object))
    if len(data) - start < count * dtype.itemsize:
        raise UndecodableImage(
            f"the file is incomplete: it has {len(data) - start} of {count * dtype.itemsize} bytes of pixels"
        )
    array = np.frombuffer(data, dtype, count, start).reshape(shape, order="F" if fortran else "C")
    return array.astype(dtype.newbyteorder("="), copy=False)
