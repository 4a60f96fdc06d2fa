"""NPY arrays go back as they came, and are not copied on the way in."""

import io

import numpy as np
import pytest

from service.errors import ImageTooLarge, InvalidParameter, ServiceError, UndecodableImage, UnsupportedMedia
from service.imaging import ImageFormat, ImageLimits, Picture, decode, encode, to_gray, to_rgb
from service.imaging.picture import DTYPES
from tests.unit.service.imaging.samples import LIMITS, noise


def npy(array: np.ndarray) -> bytes:
    """An array as numpy saves it."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def header(text: str, version: bytes = b"\1\0") -> bytes:
    """A file of nothing but a header."""
    return b"\x93NUMPY" + version + len(text).to_bytes(2, "little") + text.encode()


def read(data: bytes, **options) -> Picture:
    """Decode under the tests' limits."""
    return decode(data, limits=LIMITS, **options)


def back(data: bytes, **options) -> np.ndarray:
    """The array that comes back for one that went in."""
    return np.load(io.BytesIO(encode(read(data, **options), ImageFormat.NPY)))


SHAPES = [
    (6, 5),
    (6, 5, 1),
    (6, 5, 2),
    (6, 5, 3),
    (6, 5, 4),
    (7, 6, 5),
    (1, 6, 5),
    (7, 6, 5, 1),
    (2, 6, 5, 3),
    (2, 6, 5, 4),
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_shape_and_dtype_come_back(shape, dtype):
    """Every accepted array returns as it was."""
    array = noise(shape, dtype)
    axes = "YXA" if shape in {(6, 5, 2), (6, 5, 4)} else None
    np.testing.assert_array_equal(back(npy(array), axes=axes), array, strict=True)


@pytest.mark.parametrize(
    ("shape", "axes", "frames", "alpha"),
    [
        ((3, 20, 24), "CYX", [(20, 24, 3)], False),
        ((64, 64, 5), "YXC", [(64, 64, 5)], False),
        ((6, 5, 2), "YXC", [(6, 5, 2)], False),
        ((6, 5, 2), "YXA", [(6, 5, 1)], True),
        ((2, 13, 6, 5), "ZCYX", 2 * [(6, 5, 13)], False),
        ((6, 2, 5), "YZX", 2 * [(6, 5, 1)], False),
    ],
)
def test_named_axes_are_read_and_come_back(shape, axes, frames, alpha):
    """Whatever their order, and any number of channels."""
    array = noise(shape, "uint16")
    image = read(npy(array), axes=axes)
    assert [frame.shape for frame in image.frames] == frames
    assert image.has_alpha is alpha
    np.testing.assert_array_equal(np.load(io.BytesIO(encode(image, ImageFormat.NPY))), array, strict=True)


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((3, 20, 24), "axes=CYX if the first axis is channels"),
        ((20, 20, 17), "axes=YXC if the last axis is channels"),
        ((30, 24, 20), "axes=YXC if the last axis is channels"),
        ((20, 20, 31), "axes=YXC if the last axis is channels"),
        ((5, 20, 24), ""),
        ((20, 20, 20), ""),
        ((5, 24, 20), ""),
        ((20, 24, 31), ""),
    ],
)
def test_many_bands_are_never_silently_frames(shape, said):
    """Spectrometers have 31 bands or 220, last; a stack is thin in its first axis."""
    limits = ImageLimits(max_pixels=1_000_000, max_frames=64)
    warning = decode(npy(noise(shape, "uint16")), limits=limits).warning
    assert (said in warning) if said else not warning
    for axes in ("ZYX", "YXC"):
        assert decode(npy(noise(shape, "uint16")), limits=limits, axes=axes).warning == ""


def test_a_fourth_sample_of_floats_is_never_silently_alpha():
    """It may be a band, and would come back as it was."""
    data = npy(noise((2, 20, 24, 4), "float32"))
    assert "axes=ZYXC if it is a channel" in read(data).warning
    assert read(data, axes="ZYXC").warning == read(npy(noise((2, 20, 24, 4)))).warning == ""


def test_channels_without_end_are_refused():
    """Each is a pass of its own, however small the image."""
    with pytest.raises(ImageTooLarge, match="5000 channels; at most 4096"):
        read(npy(noise((1, 1, 5000))), axes="YXC")


@pytest.mark.parametrize("shape", [(6, 5, 2), (64, 64, 5), (2, 6, 5, 2), (60, 60, 13), (50, 40, 4)])
def test_an_ambiguous_shape_is_refused_with_the_parameter_that_says(shape):
    """Never taken silently for 64 frames of 64 x 5, or a second channel for alpha."""
    with pytest.raises(UnsupportedMedia, match="axes="):
        read(npy(noise(shape, "float32")))


@pytest.mark.parametrize("axes", ["XC", "YXQQ", "YXW", "YX", "YYX", "CSYX"])
def test_wrong_axes_are_refused(axes):
    """With the letters that there are."""
    with pytest.raises(InvalidParameter, match="axes="):
        read(npy(noise((6, 5, 3))), axes=axes)


@pytest.mark.parametrize(
    "array", [noise((6, 5), "uint16").astype(">u2"), np.asfortranarray(noise((6, 5, 3), "float64"))]
)
def test_byte_order_and_memory_order_do_not_change_values(array):
    """Big-endian and Fortran arrays are read; the result is native."""
    np.testing.assert_array_equal(back(npy(array)), array)


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 4), (3, 6, 5)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_native_arrays_are_not_copied(shape, order):
    """Frames and alpha show the request's own memory."""
    data = npy(np.asarray(noise(shape, "float32"), order=order))
    memory = np.frombuffer(data, np.uint8)
    image = read(data, axes="YXA" if shape == (6, 5, 4) else None)
    assert all(np.shares_memory(page, memory) for page in (*image.frames, *image.alpha) if page is not None)


def test_a_last_axis_of_three_is_color_unless_the_axes_are_named():
    """(5, 6, 3) is ambiguous; the caller can say."""
    data = npy(noise((5, 6, 3)))
    assert [frame.shape for frame in read(data).frames] == [(5, 6, 3)]
    assert [frame.shape for frame in read(data, axes="ZYX").frames] == [(6, 3, 1)] * 5
    np.testing.assert_array_equal(back(data, axes="ZYX"), noise((5, 6, 3)), strict=True)


def test_a_converted_array_gets_the_axis_its_color_needs():
    """(H, W) in RGB is (H, W, 3), and back in gray (H, W)."""
    image = read(npy(noise((6, 5))))
    shapes = [
        np.load(io.BytesIO(encode(now, ImageFormat.NPY))).shape for now in (to_rgb(image), to_gray(to_rgb(image)))
    ]
    assert shapes == [(6, 5, 3), (6, 5)]


@pytest.mark.parametrize("dtype", ["bool", "complex64", "longdouble", "S4", "V8", "datetime64[s]", "O"])
def test_other_dtypes_are_refused_by_name(dtype):
    """Including pickled objects, which are never opened."""
    buffer = io.BytesIO()
    np.save(buffer, np.zeros((4, 4), dtype), allow_pickle=True)
    with pytest.raises(UnsupportedMedia) as refusal:
        read(buffer.getvalue())
    assert refusal.value.facts["supported"] == list(DTYPES)


@pytest.mark.parametrize(("dtype", "advice"), [("bool", "a mask is not denoised"), ("complex64", "array.real")])
def test_a_refused_dtype_is_refused_with_what_to_do(dtype, advice):
    """A list of dtypes would only invite a mask of another one."""
    with pytest.raises(UnsupportedMedia, match=advice):
        read(npy(np.zeros((4, 4), dtype)))


@pytest.mark.parametrize("shape", ["(-1, 5)", "(5, -1)", "(-4, -4)", "(True, 5)", "(5, False)", "(5, 4, True)"])
def test_a_shape_that_is_none_is_refused_by_the_header(shape):
    """numpy reads -1 as "all there are", and True as 1."""
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}"
    with pytest.raises(UndecodableImage, match="each side must be a number of at least 1"):
        read(header(text) + bytes(30))


@pytest.mark.parametrize("shape", [(), (5,), (4, 4, 5, 5), (2, 2, 2, 2, 3)])
def test_other_shapes_are_refused(shape):
    """What is neither an image nor a stack has no place to go."""
    with pytest.raises(UnsupportedMedia, match="Z, H, W"):
        read(npy(np.zeros(shape)))


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0, 4, 3), (4, 0, 3)])
def test_an_array_without_pixels_is_refused(shape):
    """There is nothing to denoise."""
    with pytest.raises(UndecodableImage, match="no pixels"):
        read(npy(np.zeros(shape)))


def test_a_huge_shape_is_refused_from_the_header():
    """No memory is taken for what is only declared."""
    with pytest.raises(ImageTooLarge) as refusal:
        read(header("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999, 99999999), }"))
    assert refusal.value.facts == {"limit": LIMITS.max_pixels, "actual": 99999999**2}


def test_too_many_pages_are_refused():
    """Frames have a limit of their own."""
    with pytest.raises(ImageTooLarge) as refusal:
        read(npy(np.zeros((9, 5, 5), "uint8")))
    assert refusal.value.facts == {"limit": 8, "actual": 9}


def test_a_truncated_array_is_damage():
    """The header promises more than follows."""
    with pytest.raises(UndecodableImage, match="bytes of pixels"):
        read(npy(noise((6, 5)))[:-1])


@pytest.mark.parametrize(
    "text",
    [
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-4, -4), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (4, 4.5), }",
        "{'descr': '<f8', 'shape': (4, 4), }",
        "{'descr': '<q9', 'fortran_order': False, 'shape': (4, 4), }",
        "__import__('os').system('true')",
        "(" * 900,
        "-" * 1000 + "1",
        "-" * 9000 + "1",
        "",
    ],
)
def test_a_hostile_header_is_damage(text):
    """Nothing in it is executed, and none of it exhausts the parser."""
    with pytest.raises(ServiceError):
        read(header(text))


def test_an_archive_of_arrays_is_no_array():
    """NPZ is a zip."""
    buffer = io.BytesIO()
    np.savez(buffer, noise((4, 4)))
    with pytest.raises(UnsupportedMedia):
        read(buffer.getvalue())


@pytest.mark.parametrize(
    ("shape", "advice"),
    [
        ((), r"reshape it to \(H, W\)"),
        ((5,), r"reshape it to \(H, W\)"),
        ((2, 3, 5, 5), "for example axes=ZCYX"),
        ((2, 6, 5, 2), "axes=ZYXC for channels last, axes=ZYXA if the last is alpha"),
        ((6, 5, 2), "axes=YXC for channels last, axes=YXA if the last is alpha"),
        ((2, 2, 2, 2, 2), "at most a stack of images with channels"),
        ((2, 2, 2, 2, 3), r"at most a stack of images with channels \(4 axes\) is taken"),
    ],
)
def test_advice_about_axes_has_as_many_as_the_array(shape, advice):
    """At most four can be named."""
    with pytest.raises(UnsupportedMedia, match=advice):
        read(npy(np.zeros(shape, np.uint8)))


def test_five_axes_are_refused_whatever_is_named():
    """Another name would be refused as well."""
    with pytest.raises(UnsupportedMedia, match="4 axes"):
        read(npy(np.zeros((2, 2, 2, 2, 3), np.uint8)), axes="ZYXC")


@pytest.mark.parametrize("order", ["C", "F"])
def test_further_arrays_of_a_file_are_named_in_a_warning(order):
    """numpy.save appends to an open file; a line break is none."""
    one = npy(np.asarray(noise((6, 5), "uint16"), order=order))
    warning = "only the first array of the NPY file was read"
    assert read(one + npy(noise((4, 4)))).warning == warning
    assert read(one + npy(noise((4, 4)))[:20], axes="XY").warning == warning
    assert read(one + b"\n").warning == ""
    both = read(npy(noise((3, 6, 5))) + one).warning
    assert both.startswith("an array of shape (3, 6, 5) was read as a stack")
    assert both.endswith(f"; {warning}")
