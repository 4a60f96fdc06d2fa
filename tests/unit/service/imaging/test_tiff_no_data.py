"""Valid pixels of a TIFF do not become pixels without data."""

import io
from dataclasses import replace

import numpy as np
import pytest
from tifffile import TiffFile, imwrite

from biasfree.pixels import PixelArray
from service.imaging import ImageFormat, Picture, decode, encode, to_gray, with_frames
from tests.unit.service.imaging.samples import LIMITS, noise


def tagged(pages: PixelArray, words: str, **options) -> Picture:
    """A picture of a TIFF whose tag of GDAL names a value of missing data."""
    imwrite(buffer := io.BytesIO(), pages, metadata=None, extratags=[(42113, 2, 0, words, True)], **options)
    return decode(buffer.getvalue(), limits=LIMITS)


def answer(picture: Picture) -> TiffFile:
    """The TIFF that comes back."""
    return TiffFile(io.BytesIO(encode(picture, ImageFormat.TIFF)))


@pytest.mark.parametrize(
    ("dtype", "words", "others", "expected"),
    [
        ("uint16", "0", 7, 1),
        ("uint8", "255", 7, 254),
        ("int16", "-1", 7, 0),
        ("int16", "100", 7, 99),
        ("int16", "-32768", -9, -32767),
        ("uint64", "18446744073709551615", 7, 2**64 - 2),
        ("float32", "0", 7, np.nextafter(np.float32(0), np.float32(1))),
        ("float32", "0", -7, np.nextafter(np.float32(0), np.float32(-1))),
        ("float16", "1e9", 7, np.finfo("float16").max),
    ],
)
def test_a_value_that_becomes_that_of_missing_data_is_moved_beside_it(dtype, words, others, expected):
    """To the side of the other pixels; pixels that had no data stay without."""
    with np.errstate(over="ignore"):
        missing = np.array(float(words) if dtype.startswith("float") else int(words)).astype(dtype)
    image = np.full((6, 8), others, dtype)
    image[0] = missing
    picture = tagged(image, words)
    image[2, 3] = missing  # The result of rounding or clipping.
    back = answer(with_frames(picture, [image[..., np.newaxis]])).pages[0].asarray()
    assert (back == missing).sum() == 8
    assert (back[0] == missing).all()
    assert back[2, 3] == expected
    assert back[4, 4] == others


def test_a_file_in_which_all_pixels_have_data_gets_none_without():
    """The tag alone counts."""
    image = np.full((6, 8), 1, np.uint8)
    picture = tagged(image, "0")
    assert answer(with_frames(picture, [np.zeros((6, 8, 1), np.uint8)])).pages[0].asarray().min() == 1


def test_each_band_is_looked_at_alone():
    """Samples that had the value before keep it, although other bands of their pixel have data."""
    image = noise((6, 8, 3)) | 1
    image[0] = 0
    image[1, :, 0] = 0
    picture = tagged(image, "0", photometric="rgb")
    denoised = image.copy()
    denoised[2, :, 1] = 0
    back = answer(with_frames(picture, [denoised])).pages[0].asarray()
    np.testing.assert_array_equal(back == 0, image == 0)
    np.testing.assert_array_equal(np.delete(back, 2, axis=0), np.delete(image, 2, axis=0))


def test_each_page_has_a_value_of_its_own():
    """As its tags say."""
    buffer = io.BytesIO()
    for words in ("0", "9"):
        image = np.full((6, 8), 5, np.uint8)
        imwrite(buffer, image, metadata=None, append=words == "9", extratags=[(42113, 2, 0, words, True)])
        buffer.seek(0)
    picture = decode(buffer.getvalue(), limits=LIMITS)
    frames = [frame.copy() for frame in picture.frames]
    for frame in frames:
        frame[0, :2, 0] = 0, 9
    pages = [page.asarray() for page in answer(with_frames(picture, frames)).pages]
    assert [page[0, :2].tolist() for page in pages] == [[1, 9], [0, 8]]


def test_colors_that_become_gray_keep_apart_from_missing_data():
    """The luma of a dark color rounds to 0."""
    image = np.full((6, 8, 3), 90, np.uint8)
    image[0] = 0
    image[1] = 0, 0, 1
    back = answer(to_gray(tagged(image, "0", photometric="rgb"))).pages[0].asarray()
    assert (back[0].max(), back[1].min(), back[1].max()) == (0, 1, 1)


def test_values_that_reading_converts_lose_the_tag():
    """It names a value before inversion."""
    with answer(tagged(noise((6, 8)), "0", photometric="miniswhite")) as file:
        assert 42113 not in file.pages[0].tags


def test_an_unchanged_picture_comes_back_exactly():
    """This holds for every dtype, with and without missing data."""
    for dtype in ("uint8", "int16", "uint32", "float32"):
        image = noise((9, 7, 3), dtype)
        image[2:4] = 0
        back = answer(tagged(image, "0", photometric="rgb")).pages[0].asarray()
        np.testing.assert_array_equal(back, image, strict=True)


def test_a_picture_without_pages_of_a_tiff_is_left_alone():
    """Nothing names missing data."""
    picture = tagged(noise((6, 8)), "0")
    plain = replace(picture, metadata=replace(picture.metadata, tiff_tags=(), tiff_missing=()))
    zeros = with_frames(plain, [np.zeros((6, 8, 1), np.uint8)])
    assert answer(zeros).pages[0].asarray().max() == 0
