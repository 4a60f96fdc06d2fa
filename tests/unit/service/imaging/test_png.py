"""Kinds of PNG that need conversion, made chunk by chunk."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from service.errors import UndecodableImage
from service.imaging import ImageFormat, Picture, decode, encode
from tests.unit.service.imaging.samples import LIMITS, noise, picture, srgb_profile


def chunk(kind: bytes, payload: bytes) -> bytes:
    """One chunk with its checksum."""
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


def png(width: int, bits: int, color_type: int, rows: list[bytes], *extra: bytes, height: int | None = None) -> bytes:
    """A PNG of unfiltered rows, ``extra`` chunks before the pixels."""
    header = struct.pack(">IIBBBBB", width, height or len(rows), bits, color_type, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"".join((b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", header), *extra, chunk(b"IDAT", pixels), chunk(b"IEND", b"")))


def read(data: bytes) -> Picture:
    """Decode under the tests' limits."""
    return decode(data, limits=LIMITS)


@pytest.mark.parametrize(
    ("bits", "row", "expected"),
    [(1, b"\xa0", [255, 0, 255]), (2, b"\x1b", [0, 85, 170, 255]), (4, b"\x1f", [17, 255])],
)
def test_few_bits_are_spread_over_eight(bits, row, expected):
    """Black stays 0 and white becomes 255."""
    assert read(png(len(expected), bits, 0, [row])).frames[0].ravel().tolist() == expected


def test_a_palette_becomes_rgb():
    """Indices are looked up."""
    image = read(png(2, 8, 3, [b"\1\0"], chunk(b"PLTE", bytes([1, 2, 3, 4, 5, 6]))))
    assert image.frames[0].tolist() == [[[4, 5, 6], [1, 2, 3]]]
    assert image.alpha == (None,)


def test_a_palette_of_grays_becomes_gray():
    """Scanners write gray as a palette; the gray network is the one for it."""
    image = read(png(2, 8, 3, [b"\1\0"], chunk(b"PLTE", bytes([9, 9, 9, 7, 7, 7]))))
    assert image.frames[0].tolist() == [[[7], [9]]]


@pytest.mark.parametrize(("entry", "channels"), [((4, 5, 6), 3), ((6, 6, 6), 1)])
def test_palette_transparency_becomes_alpha(entry, channels):
    """Entries beyond the tRNS chunk are opaque."""
    image = read(png(2, 8, 3, [b"\0\1"], chunk(b"PLTE", bytes(entry * 2)), chunk(b"tRNS", b"\x80")))
    assert image.channels == channels
    assert image.alpha[0].tolist() == [[128, 255]]


@pytest.mark.parametrize(
    ("bits", "color_type", "row", "key", "opaque"),
    [
        (8, 0, b"\1\2", b"\0\2", 255),
        (16, 0, b"\1\1\1\2", b"\1\2", 65535),
        (8, 2, b"\1\1\1\2\3\4", b"\0\2\0\3\0\4", 255),
        (16, 2, b"\0\1" * 3 + b"\0\2\0\3\0\4", b"\0\2\0\3\0\4", 65535),
    ],
)
def test_a_color_key_becomes_alpha(bits, color_type, row, key, opaque):
    """TRNS without a palette names one transparent color; 16-bit keys are compared in 16 bits."""
    image = read(png(2, bits, color_type, [row], chunk(b"tRNS", key)))
    assert image.alpha[0].tolist() == [[opaque, 0]]


def test_interlaced_files_are_read():
    """Adam7: seven passes of (first row, row step, first column, column step)."""
    passes = [(0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4), (0, 4, 2, 4), (2, 4, 0, 2), (0, 2, 1, 2), (1, 2, 0, 1)]
    image = noise((11, 9))
    parts = [image[top::down, left::across] for top, down, left, across in passes]
    rows = b"".join(b"\0" + row.tobytes() for part in parts for row in part if part.size)
    header = struct.pack(">IIBBBBB", 9, 11, 8, 0, 0, 0, 1)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    np.testing.assert_array_equal(read(b"\x89PNG\r\n\x1a\n" + body).frames[0][..., 0], image)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_profile_and_resolution_survive_at_both_depths(dtype):
    """The chunks that imagecodecs does not write are there, and Pillow finds them."""
    icc = srgb_profile()
    data = encode(picture((4, 3, 3), dtype=dtype, icc=icc, dpi=(300.0, 150.0)), ImageFormat.PNG)
    again = read(data)
    assert again.metadata.icc == icc
    assert again.metadata.dpi == pytest.approx((300, 150), rel=1e-3)
    with Image.open(io.BytesIO(data)) as seen:
        assert seen.info["icc_profile"] == icc


def test_a_text_bomb_is_not_inflated():
    """Compressed text is nobody's business here."""
    bomb = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(50_000_000)))
    assert read(png(1, 8, 0, [b"\7"], bomb)).frames[0].item() == 7


def test_a_profile_bomb_is_dropped():
    """A profile larger than any profile is none."""
    bomb = chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(50_000_000)))
    data = encode(read(png(1, 8, 0, [b"\7"], bomb)), ImageFormat.PNG)
    assert read(data).metadata.icc is None


def test_a_wrong_checksum_is_damage():
    """One flipped bit in the pixels is found."""
    data = bytearray(encode(picture((8, 8)), ImageFormat.PNG))
    data[-20] ^= 1
    with pytest.raises(UndecodableImage):
        read(bytes(data))
