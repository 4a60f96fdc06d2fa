"""Kinds of PNG that need conversion, made chunk by chunk."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from service.errors import UndecodableImage
from service.imaging import ImageFormat, Picture, decode, encode, to_gray, with_bits
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


KEPT_TEXT = [
    (b"tEXt", b"Title\0Sea"),
    (b"tEXt", b"Author\0Ada Lovelace"),
    (b"zTXt", b"Copyright\0\0" + zlib.compress(b"CC0")),
    (b"iTXt", b"Description\0\0\0de\0Beschreibung\0" + "Nordsee, größer".encode()),
    (b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(b"a comment")),
    (b"tEXt", b"Comment\0a second one"),
    (b"tEXt", b"Creation Time\0Sat, 03 Feb 2001 04:05:06 GMT"),
    (b"tEXt", b"Software\0scanner"),
]
DROPPED_TEXT = [
    (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x>Helgoland</x>"),
    (b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"Helgoland")),
    (b"tEXt", b"Location\0Helgoland"),
    (b"tEXt", b"comment\0in a keyword of its own"),
    (b"tEXt", b"Comment\0" + b"x" * 70_000),
    (b"zTXt", b"Comment\0\0damaged"),
    (b"zTXt", b"Comment\0\0" + zlib.compress(b"cut off")[:-5]),
    (b"iTXt", b"Comment\0\1"),
    (b"zTXt", b"Comment"),
]


def texts(data: bytes) -> list[tuple[bytes, bytes]]:
    """The text chunks of a PNG in their order, with their checksums verified."""
    found, at = [], 8
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        content = data[at + 8 : at + 8 + size]
        assert data[at : at + 12 + size] == chunk(kind, content)
        found += [(kind, content)] if kind in {b"tEXt", b"zTXt", b"iTXt"} else []
        at += 12 + size
    return found


@pytest.mark.parametrize("behind", [False, True])
def test_text_with_the_keywords_of_the_specification_is_kept(behind):
    """Compressed or not, before the pixels or behind them; Pillow reads it. All other text may hold a location."""
    chunks = [chunk(*each) for pair in zip(KEPT_TEXT, DROPPED_TEXT, strict=False) for each in pair]
    data = png(1, 8, 0, [b"\7"], *([] if behind else chunks), chunk(*DROPPED_TEXT[-1]))
    if behind:
        data = data[:-12] + b"".join(chunks) + data[-12:]
    result = encode(read(data), ImageFormat.PNG)
    assert texts(result) == KEPT_TEXT
    with Image.open(io.BytesIO(result)) as seen:
        seen.load()
        assert (seen.info["Author"], seen.info["Description"]) == ("Ada Lovelace", "Nordsee, größer")


def test_text_is_kept_up_to_a_size():
    """A file of nothing but comments does not pass them all on."""
    comments = [chunk(b"tEXt", b"Comment\0" + bytes([65 + number]) * 30_000) for number in range(9)]
    kept = texts(encode(read(png(1, 8, 0, [b"\7"], *comments)), ImageFormat.PNG))
    assert len(kept) == 2


@pytest.mark.parametrize("head", [b"a\0\0", b"Comment\0\0"])
@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt"])
def test_a_text_bomb_is_not_inflated(kind, head):
    """It costs its bound, and is not passed on."""
    packed = zlib.compress(bytes(50_000_000))
    bomb = chunk(kind, head + packed if kind == b"zTXt" else head.rstrip(b"\0") + b"\0\1\0\0\0" + packed)
    image = read(png(1, 8, 0, [b"\7"], bomb))
    assert image.frames[0].item() == 7
    assert texts(encode(image, ImageFormat.PNG)) == []


def test_chunks_about_colors_hold_for_gray_and_for_fewer_bits():
    """The number of significant bits does not."""
    colors = chunk(b"cICP", bytes([12, 13, 0, 1]))
    pixel = struct.pack(">3H", 5, 6, 7)
    image = read(png(1, 16, 2, [pixel], colors, chunk(b"sBIT", bytes([12, 12, 12]))))
    for changed in (to_gray(image), with_bits(image, 8)):
        result = encode(changed, ImageFormat.PNG)
        assert colors in result
        assert b"sBIT" not in result
    assert b"sBIT" in encode(image, ImageFormat.PNG)


def kept_chunks(data: bytes) -> dict[bytes, bytes]:
    """The chunks about colors and resolution of the PNG that a picture is written as."""
    written = encode(read(data), ImageFormat.PNG)
    with Image.open(io.BytesIO(written)) as seen:
        seen.load()
    found, start = {}, 8
    while start < len(written):
        size, kind = struct.unpack(">I4s", written[start : start + 8])
        found[kind] = written[start + 8 : start + 8 + size]
        start += 12 + size
    return {kind: payload for kind, payload in found.items() if kind not in {b"IHDR", b"IDAT", b"IEND"}}


@pytest.mark.parametrize("key", [[], [chunk(b"tRNS", b"\x80")]])
@pytest.mark.parametrize("palette", [bytes([1, 2, 3, 4, 5, 6]), bytes([9, 9, 9, 7, 7, 7])])
def test_what_the_colors_of_a_palette_mean_is_kept(palette, key):
    """They are the same colors when they are looked up; all of these chunks were lost."""
    meaning = {b"cICP": bytes([9, 16, 0, 1]), b"gAMA": struct.pack(">I", 100_000), b"cHRM": bytes(range(32))}
    chunks = [chunk(kind, payload) for kind, payload in meaning.items()]
    assert kept_chunks(png(2, 8, 3, [b"\1\0"], *chunks, chunk(b"PLTE", palette), *key)) == meaning


GRAYS, COLORS = chunk(b"PLTE", bytes([9, 9, 9, 7, 7, 7])), chunk(b"PLTE", bytes([1, 2, 3, 4, 5, 6]))


@pytest.mark.parametrize(
    ("bits", "color_type", "row", "further", "stored", "kept"),
    [
        (8, 3, b"\1\0", [COLORS], [5, 6, 5], [5, 6, 5]),
        (8, 3, b"\1\0", [COLORS, chunk(b"tRNS", b"\x80")], [5, 6, 5], [5, 6, 5, 8]),
        (8, 3, b"\1\0", [GRAYS], [5, 6, 5], [6]),
        (8, 0, b"\1\0", [chunk(b"tRNS", b"\0\1")], [6], [6, 8]),
        (4, 0, b"\x10", [chunk(b"tRNS", b"\0\1")], [3], [3, 8]),
        (16, 2, bytes(12), [chunk(b"tRNS", bytes(6))], [12, 12, 12], [12, 12, 12, 16]),
        (8, 4, bytes(4), [], [7, 1], [7, 1]),
        (8, 6, bytes(8), [], [5, 6, 5, 1], [5, 6, 5, 1]),
        (8, 2, bytes(6), [], [5, 6, 9], None),
        (8, 2, bytes(6), [], [5, 6], None),
        (8, 0, b"\1\0", [], [0], None),
    ],
)
def test_significant_bits_are_those_of_the_samples_written(bits, color_type, row, further, stored, kept):
    """A transparent color becomes alpha; a chunk of too few bytes is damaged for strict readers."""
    chunks = kept_chunks(png(2, bits, color_type, [row], chunk(b"sBIT", bytes(stored)), *further))
    assert chunks == ({} if kept is None else {b"sBIT": bytes(kept)})


@pytest.mark.parametrize(
    ("stored", "kept"),
    [((2, 1, 0), (2, 1, 0)), ((300, 400, 0), (3, 4, 0)), ((5, 5, 0), None), ((0, 5, 0), None)],
)
def test_the_shape_of_pixels_that_are_not_square_is_kept(stored, kept):
    """A resolution without a unit is a ratio."""
    chunks = kept_chunks(png(2, 8, 0, [b"\1\0"], chunk(b"pHYs", struct.pack(">IIB", *stored))))
    assert chunks == ({} if kept is None else {b"pHYs": struct.pack(">IIB", *kept)})


def test_the_resolution_of_a_map_is_kept():
    """Ten pixels per meter are a quarter of one per inch."""
    density = struct.pack(">IIB", 10, 1, 1)
    data = png(2, 8, 0, [b"\1\0"], chunk(b"pHYs", density))
    assert kept_chunks(data) == {b"pHYs": density}
    for format in (ImageFormat.TIFF, ImageFormat.JPEG, ImageFormat.BMP):
        encode(read(data), format)


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
