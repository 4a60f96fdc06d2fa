"""DICOM files say which of their pixels are padding, and some have no integers."""

import io
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGLSLossless, RLELossless

from biasfree.pixels import PixelArray
from service.denoising.options import DenoiseOptions
from service.denoising.preparation import Prepared
from service.errors import UnsupportedMedia
from service.imaging import Picture, decode
from tests.unit.service.imaging.format_files import dicom, ramp
from tests.unit.service.imaging.samples import LIMITS

PADDED = np.zeros((24, 40), bool)
PADDED[:, :7] = True


def scan(pixels: PixelArray, *, padding: dict[str, tuple[str, int]], implicit: bool = False, **options: Any) -> bytes:
    """A DICOM whose header has these values of padding, each with its type."""
    dataset = dcmread(io.BytesIO(dicom(pixels, **options)))
    for name, (kind, value) in padding.items():
        dataset.add_new(name, kind, value)
    if implicit:
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True, implicit_vr=implicit, little_endian=True)
    return buffer.getvalue()


def read(data: bytes) -> Picture:
    """Decode within the usual limits."""
    return decode(data, limits=LIMITS)


def hounsfield(padding: int, dtype: str = "int16") -> PixelArray:
    """A scan whose left edge is padding."""
    return np.where(PADDED, padding, ramp((24, 40), "uint8").astype(dtype) + 100).astype(dtype)


@pytest.mark.parametrize(
    ("dtype", "stored", "kind", "value"),
    [
        ("int16", -2000, "SS", -2000),
        ("int16", -2000, "US", 63536),
        ("uint16", 63536, "US", 63536),
        ("uint16", 63536, "SS", -2000),
        ("uint16", 0, "US", 0),
        ("uint8", 0, "US", 0),
    ],
)
@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.filterwarnings("ignore")
def test_pixels_with_the_value_of_padding_have_no_data(dtype, stored, kind, value, implicit):
    """The pixels decide whether that value is signed; some writers take the other type."""
    image = hounsfield(stored, dtype)
    picture = read(scan(image, padding={"PixelPaddingValue": (kind, value)}, implicit=implicit))
    np.testing.assert_array_equal(picture.visible[0], ~PADDED)
    np.testing.assert_array_equal(picture.raster(), image, strict=True)


@pytest.mark.parametrize("ends", [(-2000, -1900), (-1900, -2000)])
def test_padding_may_be_a_range_in_either_order(ends):
    """Both ends belong to it."""
    image = hounsfield(-2000)
    image[3, :3] = (-1900, -1950, -1899)
    padding = {"PixelPaddingValue": ("SS", ends[0]), "PixelPaddingRangeLimit": ("SS", ends[1])}
    visible = ~PADDED
    visible[3, 2] = True
    np.testing.assert_array_equal(read(scan(image, padding=padding)).visible[0], visible)


def test_padding_is_a_stored_value():
    """Rescaling to Hounsfield units does not change it, and MONOCHROME1 is inverted after the comparison."""
    image = hounsfield(0, "uint16")
    data = dcmread(io.BytesIO(scan(image, padding={"PixelPaddingValue": ("US", 0)}, color="MONOCHROME1", bits=12)))
    data.RescaleIntercept, data.RescaleSlope = -1024, 2
    buffer = io.BytesIO()
    data.save_as(buffer)
    picture = read(buffer.getvalue())
    np.testing.assert_array_equal(picture.visible[0], ~PADDED)
    np.testing.assert_array_equal(picture.raster(), 4095 - image)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless, JPEGLSLossless])
def test_every_frame_has_its_own_padding(syntax):
    """In each transfer syntax; frames are a stack."""
    stack = np.stack([hounsfield(0, "uint16"), ramp((24, 40), "uint16") | 1])
    picture = read(scan(stack, padding={"PixelPaddingValue": ("US", 0)}, frames=2, syntax=syntax))
    np.testing.assert_array_equal(picture.visible, stack != 0)


def test_padding_of_twelve_signed_bits_is_found():
    """The sign is that of the stored bits."""
    image = hounsfield(-2000)
    data = scan(image, padding={"PixelPaddingValue": ("SS", -2000)}, bits=12)
    np.testing.assert_array_equal(read(data).visible[0], ~PADDED)


def test_padding_influences_no_pixel_and_comes_back():
    """As pixels without data of a TIFF do."""
    options = DenoiseOptions()
    one, other = (
        Prepared.of(read(scan(hounsfield(value), padding={"PixelPaddingValue": ("SS", value)})), options)
        for value in (-2000, -30000)
    )
    np.testing.assert_array_equal(one.picture.frames[0], other.picture.frames[0])
    back = one.result([one.picture.frames[0] + 1], options).raster()
    np.testing.assert_array_equal(back[PADDED], -2000)
    np.testing.assert_array_equal(back[~PADDED], hounsfield(0)[~PADDED] + 1)


@pytest.mark.parametrize("color", [None, "YBR_FULL"])
def test_colors_have_no_padding(color):
    """The standard allows it for gray alone."""
    image = ramp((24, 40, 3))
    assert read(scan(image, padding={"PixelPaddingValue": ("US", 0)}, color=color)).visible == [None]


@pytest.mark.parametrize("value", [None, [1, 2], ""])
@pytest.mark.filterwarnings("ignore")
def test_padding_that_is_no_number_is_ignored(value):
    """The image is whole without it."""
    data = scan(hounsfield(0, "uint16"), padding={"PixelPaddingValue": ("US", value)})
    assert read(data).visible == [None]


@pytest.mark.parametrize(
    ("name", "kind", "dtype"), [("FloatPixelData", "OF", "f4"), ("DoubleFloatPixelData", "OD", "f8")]
)
def test_a_parametric_map_is_refused_by_name(name, kind, dtype):
    """Its pixels are floats, and it has an image."""
    dataset = dcmread(io.BytesIO(dicom(ramp((24, 40)))))
    del dataset.PixelData
    dataset.add_new(name, kind, ramp((24, 40)).astype(dtype).tobytes())
    dataset.BitsAllocated = 8 * np.dtype(dtype).itemsize
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    with pytest.raises(UnsupportedMedia, match="DICOM images of floats, such as parametric maps, are not supported"):
        read(buffer.getvalue())
