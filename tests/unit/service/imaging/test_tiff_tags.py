"""The tags of TIFFs that a TIFF keeps: descriptions, coordinates on a map, ImageJ's metadata."""

import io
from typing import Any

import numpy as np
import pytest
from tifffile import TiffFile, TiffWriter, imread, imwrite

from biasfree.pixels import PixelArray
from service.errors import UndecodableImage
from service.imaging import ImageFormat, Picture, decode, encode, to_gray, with_bits
from tests.unit.service.imaging.format_files import ASCII, DOUBLE, GEOTIFF, IMAGEJ, LONG, SHORT
from tests.unit.service.imaging.samples import LIMITS, noise

XML = {code: value for code, _, _, value, _ in GEOTIFF}[42112]


def file_of(*pages: PixelArray, byteorder: str = "<", bigtiff: bool = False, imagej: bool = False, **options) -> bytes:
    """A TIFF as tifffile writes it."""
    buffer = io.BytesIO()
    with TiffWriter(buffer, byteorder=byteorder, bigtiff=bigtiff, imagej=imagej) as tif:
        for page in pages:
            tif.write(page, **{"metadata": None, "photometric": "minisblack", **options})
    return buffer.getvalue()


def read(data: bytes) -> Picture:
    """Decode within the usual limits."""
    return decode(data, limits=LIMITS)


def kept(data: bytes, page: int = 0) -> dict[int, Any]:
    """The tags of a page of the answer."""
    with TiffFile(io.BytesIO(encode(read(data), ImageFormat.TIFF))) as tif:
        return {tag.code: tag.value for tag in tif.pages[page].tags}


@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_a_map_stays_where_it_is(byteorder, bigtiff):
    """In either byte order and in BigTIFF; tifffile reads the same coordinates."""
    data = file_of(noise((24, 40), "int16"), byteorder=byteorder, bigtiff=bigtiff, extratags=GEOTIFF)
    tags = kept(data)
    assert {code: tags.get(code) for code, *_ in GEOTIFF} == {code: value for code, _, _, value, _ in GEOTIFF}
    again = encode(read(data), ImageFormat.TIFF)
    with TiffFile(io.BytesIO(again)) as tif, TiffFile(io.BytesIO(data)) as original:
        assert tif.geotiff_metadata == original.geotiff_metadata
        assert tif.geotiff_metadata["ProjectedCSTypeGeoKey"] == 32632
        assert tif.pages[0].nodata == -9999


def test_a_transformation_of_a_turned_map_is_kept():
    """It takes the place of scale and tie point."""
    matrix = tuple(float(number) for number in range(16))
    assert kept(file_of(noise((24, 40)), extratags=[(34264, DOUBLE, 16, matrix, True)]))[34264] == matrix


def test_coordinates_are_dropped_if_the_pixels_are_turned():
    """The description holds in every orientation."""
    tags = kept(file_of(noise((24, 40)), description="a map", extratags=[*GEOTIFF, (274, SHORT, 1, 6, True)]))
    assert tags[270] == "a map"
    assert not tags.keys() & {code for code, *_ in GEOTIFF}


def test_statistics_of_the_noisy_pixels_are_left_out():
    """Viewers stretch the contrast by them."""
    item = '<Item name="STATISTICS_MAXIMUM" sample="0">255</Item>\n  <Item'
    data = file_of(noise((24, 40)), extratags=[(42112, ASCII, 0, XML.replace("<Item", item), True)])
    assert kept(data)[42112] == XML


@pytest.mark.parametrize("words", ["Aperio Image Library v12\r\n40x|MPP = 0.25", "SI.LINE_FORM = 1", "größer: 3 µm"])
def test_a_description_is_kept(words):
    """Free text, and that of microscopes; the image is read as before."""
    data = file_of(noise((24, 40)), description=words.encode())
    assert kept(data)[270] == words
    np.testing.assert_array_equal(imread(io.BytesIO(encode(read(data), ImageFormat.TIFF))), noise((24, 40)))


def test_every_page_keeps_its_own_tags():
    """Pages of an atlas have names and places of their own."""
    buffer = io.BytesIO()
    with TiffWriter(buffer) as tif:
        for number in range(3):
            scale = (33550, DOUBLE, 3, (float(number), 1.0, 0.0), True)
            tif.write(noise((24, 40)), metadata=None, description=f"sheet {number}", extratags=[scale])
    for number in range(3):
        tags = kept(buffer.getvalue(), number)
        assert (tags[270], tags[33550]) == (f"sheet {number}", (float(number), 1.0, 0.0))


def test_the_axes_of_tifffile_are_kept_while_the_shape_fits():
    """Gray of what was color has another shape."""
    buffer = io.BytesIO()
    imwrite(buffer, noise((3, 24, 40)), photometric="minisblack", metadata={"axes": "ZYX", "step": 2})
    with TiffFile(io.BytesIO(encode(read(buffer.getvalue()), ImageFormat.TIFF))) as tif:
        assert (tif.series[0].axes, tif.series[0].shape) == ("ZYX", (3, 24, 40))
        assert tif.shaped_metadata[0]["step"] == 2
    imwrite(buffer := io.BytesIO(), noise((24, 40, 3)), photometric="rgb")
    with TiffFile(io.BytesIO(encode(to_gray(read(buffer.getvalue())), ImageFormat.TIFF))) as tif:
        assert tif.pages[0].description == ""
        assert tif.series[0].shape == (24, 40)


@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_what_imagej_stores_is_kept(byteorder):
    """In either byte order, ImageJ's own being the big one."""
    metadata = {**IMAGEJ, "unit": "um", "spacing": 0.5, "axes": "ZYX"}
    data = file_of(noise((2, 24, 40)), byteorder=byteorder, imagej=True, metadata=metadata)
    with TiffFile(io.BytesIO(data)) as original, TiffFile(io.BytesIO(encode(read(data), ImageFormat.TIFF))) as tif:
        assert tif.imagej_metadata == original.imagej_metadata
        assert {name: tif.imagej_metadata[name] for name in IMAGEJ} == IMAGEJ
        assert (tif.series[0].axes, tif.series[0].shape) == ("ZYX", (2, 24, 40))


def test_luts_of_imagej_are_kept():
    """The colors of each channel."""
    luts = [np.stack([np.arange(256, dtype=np.uint8) * on for on in colors]) for colors in ((1, 0, 0), (0, 1, 0))]
    data = file_of(noise((2, 24, 40)), imagej=True, metadata={"LUTs": luts, "axes": "CYX"})
    with TiffFile(io.BytesIO(encode(read(data), ImageFormat.TIFF))) as tif:
        np.testing.assert_array_equal(tif.imagej_metadata["LUTs"], luts)


@pytest.mark.parametrize(
    ("code", "kind", "value"), [(33550, ASCII, "half a meter"), (34735, LONG, (1, 1)), (42113, SHORT, (7,))]
)
def test_a_tag_of_another_type_costs_no_image(code, kind, value):
    """The damaged tag is left out, and the others stay."""
    size = 0 if kind == ASCII else len(value)
    tags = kept(file_of(noise((24, 40)), description="odd", extratags=[(code, kind, size, value, True)]))
    assert tags[270] == "odd"
    assert code not in tags


@pytest.mark.parametrize("data", [b"", b"JIJI", b"JIJIofni\x01\0\0\0ab", b"IJIJ" + bytes(60), bytes(900)])
@pytest.mark.parametrize("counts", [(12, 2), (12, 4_000_000_000), (0,), (804, 1)])
def test_damaged_metadata_of_imagej_cost_no_image(data, counts):
    """They are left out."""
    extra = [(50838, LONG, len(counts), counts, True), (50839, 1, len(data), data or b"\0", True)]
    picture = read(file_of(noise((24, 40)), extratags=extra))
    np.testing.assert_array_equal(read(encode(picture, ImageFormat.TIFF)).frames[0], picture.frames[0])


@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_no_damaged_byte_of_the_tags_costs_the_pixels(byteorder):
    """Values that are damaged are kept, kept wrong, or left out."""
    image = noise((4, 5))
    data = file_of(image, byteorder=byteorder, imagej=True, metadata=IMAGEJ | {"Labels": ["a"]}, extratags=GEOTIFF)
    with TiffFile(io.BytesIO(data)) as tif:
        tags = [tif.pages[0].tags[code] for code in (270, 50838, 50839, *(code for code, *_ in GEOTIFF))]
        places = [tag.valueoffset + step for tag in tags for step in range(0, tag.valuebytecount, 3)]
    rng = np.random.default_rng(0)
    for at in places:
        picture = read(data[:at] + bytes([rng.integers(256)]) + data[at + 1 :])
        np.testing.assert_array_equal(picture.frames[0][..., 0], image)
        assert read(encode(picture, ImageFormat.TIFF)).frames[0].shape == (4, 5, 1)


@pytest.mark.parametrize(
    ("dtype", "words", "value"),
    [
        ("int16", "-9999", -9999),
        ("uint8", "0", 0),
        ("float32", "nan", np.nan),
        ("float32", "-3.40282346638528898e+38 ", np.finfo("float32").min),
        ("float64", "-1.7976931348623157e+308", np.finfo("float64").min),
        ("float16", "1e9", np.inf),
    ],
)
@pytest.mark.parametrize("samples", [1, 3])
def test_pixels_without_data_are_known(dtype, words, value, samples):
    """A pixel has no data if all its channels have the value of GDAL's tag, in either byte order and with any alpha."""
    image = np.abs(noise((24, 40, samples), dtype)) // 2 + 1
    image[3:5, 7] = value
    image[9, 9, 1:] = value  # A color of which one channel has data.
    options = {"extratags": [(42113, ASCII, 0, words, True)], "photometric": "rgb" if samples == 3 else "minisblack"}
    for byteorder in "<>":
        (visible,) = read(file_of(image.squeeze(), byteorder=byteorder, **options)).visible
        assert np.argwhere(~visible).tolist() == [[3, 7], [4, 7]]


@pytest.mark.parametrize("words", ["", "none", "300", "-1", "0.5", "1e400", "nan"])
def test_a_value_that_no_pixel_has_hides_none(words):
    """Nor do words that are no number."""
    assert read(file_of(noise((24, 40)) | 1, extratags=[(42113, ASCII, 0, words, True)])).visible == [None]


def test_other_bits_have_no_value_of_missing_data():
    """The value would hide other pixels."""
    picture = read(file_of(noise((24, 40), "uint16"), extratags=[*GEOTIFF[:-1], (42113, ASCII, 0, "100", True)]))
    with TiffFile(io.BytesIO(encode(with_bits(picture, 8), ImageFormat.TIFF))) as tif:
        codes = [tag.code for tag in tif.pages[0].tags]
    assert 33550 in codes
    assert 42113 not in codes


def test_a_pixel_without_data_is_no_value_of_a_palette_or_of_inverted_gray():
    """Conversions change the values."""
    extra = [(42113, ASCII, 0, "0", True)]
    for photometric, more in (("miniswhite", {}), ("palette", {"colormap": noise((3, 256), "uint16")})):
        assert read(file_of(noise((24, 40)), photometric=photometric, extratags=extra, **more)).visible == [None]


def sharing(code: int, size: int) -> bytes:
    """A file of eight pages whose tags of this code are the same bytes behind them."""
    extra = [(code, ASCII, 0, "to be replaced", True)]
    data = file_of(*[noise((2, 2))] * 8, extratags=extra)
    with TiffFile(io.BytesIO(data)) as tif:
        entries = [page.tags[code].offset for page in tif.pages]
    shared = bytearray(data + b"y" * size + b"\0")
    for entry in entries:
        shared[entry + 4 : entry + 12] = (size + 1).to_bytes(4, "little") + len(data).to_bytes(4, "little")
    return bytes(shared)


@pytest.mark.parametrize("size", [100_000, 1_000_000])
def test_pages_that_share_a_tag_do_not_multiply_it(size):
    """Loading the tag for each page would take many times the memory of the file."""
    data = sharing(34737, size)
    assert len(read(data).frames) == 8
    assert len(encode(read(data), ImageFormat.TIFF)) < 3 * len(data)


def test_pages_that_share_a_description_are_refused():
    """Each page is read with its own copy; a file of 256 MB could have 256."""
    with pytest.raises(UndecodableImage, match="longer than the file"):
        read(sharing(270, 100_000))
