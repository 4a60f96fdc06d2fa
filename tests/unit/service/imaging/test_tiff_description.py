"""Descriptions of a TIFF after the colors, the bits or the layout of its pixels have changed."""

import io
import logging
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tifffile import TiffFile, imwrite

from biasfree.pixels import PixelArray
from service.imaging import ImageFormat, Picture, decode, encode, to_gray, to_rgb, with_bits
from tests.unit.service.imaging.samples import LIMITS, noise


def read(image: PixelArray, **options: Any) -> Picture:
    """The picture of a TIFF as tifffile writes it."""
    imwrite(buffer := io.BytesIO(), image, **options)
    return decode(buffer.getvalue(), limits=LIMITS)


def answer(picture: Picture) -> TiffFile:
    """The TIFF that comes back."""
    return TiffFile(io.BytesIO(encode(picture, ImageFormat.TIFF)))


@pytest.mark.parametrize("frames", [1, 3])
def test_ome_has_the_channels_of_gray_made_of_rgb(frames, caplog):
    """And of RGB made of gray; tifffile finds every frame, without a complaint."""
    colors = noise((frames, 24, 40, 3), "uint16")
    axes = {"axes": "ZYXS"}
    for picture, shape in (
        (to_gray(read(colors, ome=True, photometric="rgb", metadata=axes)), (frames, 24, 40)),
        (to_rgb(read(colors[..., 0], ome=True, photometric="minisblack", metadata={"axes": "ZYX"})), colors.shape),
    ):
        with caplog.at_level(logging.WARNING, "tifffile"), answer(picture) as file:
            assert file.is_ome
            assert file.series[0].shape == tuple(length for length in shape if length != 1)
            samples = shape[3] if len(shape) > 3 else 1
            assert f'SizeC="{samples}"' in file.ome_metadata
            assert f'SamplesPerPixel="{samples}"' in file.ome_metadata
    assert not caplog.records


def test_ome_has_the_type_of_the_pixels():
    """The bits that were significant are so no more."""
    picture = read(noise((2, 24, 40), "uint16"), ome=True, photometric="minisblack", metadata={"SignificantBits": 12})
    with answer(with_bits(picture, 8)) as file:
        assert 'Type="uint8"' in file.ome_metadata
        assert "SignificantBits" not in file.ome_metadata
        assert file.series[0].dtype == np.uint8
    with answer(picture) as file:
        assert 'Type="uint16"' in file.ome_metadata
        assert 'SignificantBits="12"' in file.ome_metadata


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('SizeC="3"', 'SizeC="4"'),
        ('SizeC="3"', f'SizeC="{"9" * 5000}"'),
        ('SizeC="3"', "SizeC='3'"),
        ('SamplesPerPixel="3"', 'SamplesPerPixel="1"'),
        ('<TiffData IFD="0"', '<TiffData FirstC="2" IFD="0"'),
        ('Type="uint8"', 'Name="a > b" Type="uint8"'),
    ],
)
def test_ome_of_another_structure_is_dropped_if_the_channels_change(old, new):
    """Nothing is better than something wrong; unchanged pixels keep it as it is."""
    imwrite(buffer := io.BytesIO(), noise((24, 40, 3)), ome=True, photometric="rgb")
    with TiffFile(io.BytesIO(buffer.getvalue())) as file:
        words = file.ome_metadata
    odd = words.replace(old, new)
    assert odd != words
    picture = read(noise((24, 40, 3)), photometric="rgb", metadata=None, description=odd)
    assert answer(to_gray(picture)).pages[0].description == ""
    assert answer(picture).pages[0].description == odd


def test_ome_is_dropped_if_the_pixels_are_turned():
    """It states width and height."""
    imwrite(buffer := io.BytesIO(), noise((24, 40)), ome=True)
    with TiffFile(io.BytesIO(buffer.getvalue())) as file:
        words = file.ome_metadata
    turned = read(noise((24, 40)), metadata=None, description=words, extratags=[(274, 3, 1, 6, True)])
    assert answer(turned).pages[0].description == ""


IMAGEJ = {"min": 100.0, "max": 60000.0, "Ranges": (100.0, 60000.0), "Info": "microscope", "unit": "um"}


def test_ranges_of_imagej_that_no_longer_hold_are_left_out():
    """The rest stays, calibration of intensities excepted."""
    picture = read(noise((2, 24, 40), "uint16"), imagej=True, metadata={**IMAGEJ, "cf": 0, "c1": 2, "axes": "ZYX"})
    with answer(with_bits(picture, 8)) as file:
        found = file.imagej_metadata
        assert not found.keys() & {"min", "max", "Ranges", "cf", "c1"}
        assert (found["Info"], found["unit"], found["slices"]) == ("microscope", "um", 2)
        assert (file.series[0].axes, file.series[0].shape) == ("ZYX", (2, 24, 40))
    with answer(picture) as file:
        assert {name: file.imagej_metadata[name] for name in IMAGEJ} == IMAGEJ


def test_ranges_of_imagej_are_scaled_with_the_pixels():
    """If the factor is known."""
    picture = read(noise((2, 24, 40), "uint16"), imagej=True, metadata=IMAGEJ)
    scaled = with_bits(picture, 8)
    scaled = replace(scaled, metadata=replace(scaled.metadata, tiff_scale=255 / 65535))
    with answer(scaled) as file:
        found = file.imagej_metadata
    assert (found["min"], found["max"]) == pytest.approx((100 / 257, 60000 / 257))
    assert found["Ranges"] == pytest.approx((100 / 257, 60000 / 257))


def test_offset_and_scale_of_bands_are_dropped_with_the_values_they_belong_to():
    """GDAL computes heights and temperatures with them."""
    band, whole = '<Item name="SCALE" sample="0" role="scale">0.1</Item>', '<Item name="AREA">Helgoland</Item>'
    words = f"<GDALMetadata>{band}{whole}</GDALMetadata>"
    picture = read(noise((24, 40), "uint16"), metadata=None, extratags=[(42112, 2, 0, words, True)])
    assert answer(picture).pages[0].tags[42112].value == words
    assert answer(with_bits(picture, 8)).pages[0].tags[42112].value == words.replace(band, "")


@pytest.mark.parametrize("photometric", ["minisblack", "rgb"])
@pytest.mark.parametrize("ome", [False, True])
def test_planes_come_back_as_planes(photometric, ome):
    """With the shape that the description gives, which tifffile then reads."""
    image = noise((5, 24, 40), "uint16")
    options = {"photometric": photometric, "planarconfig": "separate", "ome": ome}
    picture = read(image, **options)
    with answer(picture) as file:
        page = file.pages[0]
        assert (page.planarconfig, page.photometric.name.lower()) == (2, photometric)
        assert file.series[0].shape == image.shape
        np.testing.assert_array_equal(file.asarray(), image)
        if not ome:
            assert page.description == '{"shape": [5, 24, 40]}'
    np.testing.assert_array_equal(decode(encode(picture, ImageFormat.TIFF), limits=LIMITS).frames, picture.frames)


@pytest.mark.parametrize("samples", [3, 4])
def test_planes_of_colors_with_alpha_come_back_as_planes(samples):
    """On every page; gray of them has no planes, and no description of their shape."""
    image = noise((2, samples, 24, 40))
    extra = ["unassalpha"] * (samples - 3)
    picture = read(image, photometric="rgb", planarconfig="separate", extrasamples=extra)
    with answer(picture) as file:
        assert [page.planarconfig for page in file.pages] == [2, 2]
        np.testing.assert_array_equal(file.asarray(), image)
    with answer(to_gray(picture)) as file:
        assert file.pages[0].description == ""
        assert decode(encode(to_gray(picture), ImageFormat.TIFF), limits=LIMITS).channels == 1


def test_a_shape_that_does_not_fit_the_turned_page_is_dropped():
    """The number of samples is the same."""
    turned = read(noise((24, 40)), extratags=[(274, 3, 1, 6, True)])
    assert answer(turned).pages[0].description == ""
    assert answer(read(noise((24, 40)))).pages[0].description == '{"shape": [24, 40]}'
