"""TIFF pages with JPEG inside, and pages in YCbCr."""

import io
import struct
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from biasfree.pixels import PixelArray
from service.errors import UndecodableImage, UnsupportedMedia
from service.imaging import decode
from tests.unit.service.imaging.format_files import ramp
from tests.unit.service.imaging.samples import LIMITS, pillow_file


def tiff(pixels: PixelArray, **options: Any) -> bytes:
    """A file of tifffile."""
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, **options)
    return buffer.getvalue()


def subsampled(image: PixelArray, horizontal: int, vertical: int, *, rows: int, lzw: bool = False) -> bytes:
    """A file of YCbCr units, as scanners write it."""
    ycc = np.asarray(Image.fromarray(image).convert("YCbCr"))
    height, width = image.shape[:2]
    strips = []
    for top in range(0, height, rows):
        strip = ycc[top : top + rows]
        missing = (-len(strip) % vertical, -width % horizontal)
        strip = np.pad(strip, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
        down, across = len(strip) // vertical, strip.shape[1] // horizontal
        units = strip.reshape(down, vertical, across, horizontal, 3).swapaxes(1, 2)
        luma = units[..., 0].reshape(down, across, -1)
        chroma = np.rint(units[..., 1:].mean(axis=(2, 3))).astype(np.uint8)
        strips.append(np.dstack([luma, chroma]).tobytes())
    if lzw:
        strips = [bytes(tifffile.TIFF.COMPRESSORS[5](strip)) for strip in strips]
    return _file(height, width, rows, strips, (horizontal, vertical), compression=5 if lzw else 1)


def _file(height: int, width: int, rows: int, strips: list[bytes], factors: tuple[int, int], compression: int) -> bytes:
    count = len(strips)
    counts_at = 8
    offsets_at, bits_at = counts_at + 4 * count, counts_at + 8 * count
    first = bits_at + 6
    offsets = [first + sum(map(len, strips[:index])) for index in range(count)]
    entries = [
        (256, 4, 1, struct.pack("<I", width)),
        (257, 4, 1, struct.pack("<I", height)),
        (258, 3, 3, struct.pack("<I", bits_at)),
        (259, 3, 1, struct.pack("<I", compression)),
        (262, 3, 1, struct.pack("<I", 6)),
        (273, 4, count, struct.pack("<I", offsets_at if count > 1 else offsets[0])),
        (277, 3, 1, struct.pack("<I", 3)),
        (278, 4, 1, struct.pack("<I", rows)),
        (279, 4, count, struct.pack("<I", counts_at if count > 1 else len(strips[0]))),
        (530, 3, 2, struct.pack("<HH", *factors)),
    ]
    body = struct.pack(f"<{count}I", *map(len, strips)) + struct.pack(f"<{count}I", *offsets)
    body += struct.pack("<3H", 8, 8, 8) + b"".join(strips)
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHI", *each[:3]) + each[3] for each in entries)
    return b"II*\0" + struct.pack("<I", 8 + len(body)) + body + directory + bytes(4)


@pytest.mark.parametrize(
    "options",
    [{"rowsperstrip": 16}, {"tile": (32, 48)}, {"subsampling": (2, 2)}, {"subsampling": (2, 1), "tile": (32, 32)}],
    ids=str,
)
@pytest.mark.parametrize("shape", [(70, 83, 3), (70, 83)])
def test_jpeg_in_strips_and_tiles_is_read(options, shape):
    """As Pillow reads it too: gray, RGB and YCbCr, with and without subsampling."""
    if len(shape) == 2 and "subsampling" in options:
        options = {key: value for key, value in options.items() if key != "subsampling"}
    image = ramp(shape)
    photometric = "rgb" if len(shape) == 3 else "minisblack"
    data = tiff(image, photometric=photometric, compression="jpeg", compressionargs={"level": 95}, **options)
    got = decode(data, limits=LIMITS).raster()
    assert got.shape == shape
    assert np.abs(got.astype(int) - image).mean() < 2
    assert np.abs(got.astype(int) - np.asarray(Image.open(io.BytesIO(data)))).mean() < 2


def test_jpeg_tables_of_libtiff_are_used():
    """Other programs share them among the strips."""
    image = ramp((70, 83, 3))
    for mode in ("RGB", "YCbCr", "CMYK"):
        data = pillow_file(Image.fromarray(image).convert(mode), "TIFF", compression="jpeg", quality=95)
        assert np.abs(decode(data, limits=LIMITS).raster().astype(int) - image).mean() < 2


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_ycbcr_without_subsampling_is_read_in_every_compression(compression):
    """To the rounding of the conversion."""
    image = ramp((70, 83, 3))
    data = pillow_file(Image.fromarray(image).convert("YCbCr"), "TIFF", compression=compression)
    assert np.abs(decode(data, limits=LIMITS).raster().astype(int) - image).max() <= 3


@pytest.mark.parametrize("factors", [(1, 1), (2, 1), (2, 2), (4, 2), (4, 4), (1, 2)])
@pytest.mark.parametrize("lzw", [False, True])
@pytest.mark.parametrize("rows", [16, 100])
def test_subsampled_ycbcr_is_read(factors, lzw, rows):
    """At sizes that the units do not divide; colors change slowly here."""
    image = ramp((70, 83, 3))
    got = decode(subsampled(image, *factors, rows=rows, lzw=lzw), limits=LIMITS).raster()
    assert np.abs(got.astype(int) - image).mean() < 3
    assert np.abs(got.astype(int) - image)[8:-8, 8:-8].max() < 16


def test_a_cut_strip_of_ycbcr_is_refused():
    """Not filled with zeros."""
    data = bytearray(subsampled(ramp((64, 64, 3)), 2, 2, rows=64, lzw=True))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as file:
        tag = file.pages[0].tags["ImageLength"]
    data[tag.valueoffset : tag.valueoffset + 4] = struct.pack("<I", 128)
    data = data.replace(struct.pack("<HHII", 278, 4, 1, 64), struct.pack("<HHII", 278, 4, 1, 128))
    with pytest.raises(UndecodableImage, match="incomplete"):
        decode(bytes(data), limits=LIMITS)


def test_a_jpeg_larger_than_its_tile_is_refused_before_it_is_decoded():
    """Libjpeg would allocate 12 GB."""
    data = tiff(ramp((64, 64, 3)), photometric="rgb", compression="jpeg", tile=(64, 64))
    at = data.index(b"\xff\xc0") + 5
    with pytest.raises(UndecodableImage, match="65000 x 65000 pixels in a strip of 64 x 64"):
        decode(data[:at] + struct.pack(">HH", 65_000, 65_000) + data[at + 4 :], limits=LIMITS)


def test_a_predictor_of_ycbcr_is_refused():
    """With what is read."""
    data = bytearray(subsampled(ramp((64, 64, 3)), 1, 1, rows=64, lzw=True))
    data = data.replace(struct.pack("<HHIHH", 530, 3, 2, 1, 1), struct.pack("<HHII", 317, 3, 1, 2))
    with pytest.raises(UnsupportedMedia, match="convert it to RGB"):
        decode(bytes(data), limits=LIMITS)
