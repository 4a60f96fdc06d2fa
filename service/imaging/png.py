"""PNG through libpng (imagecodecs), since Pillow silently truncates 16-bit color to 8 bits.

imagecodecs handles only pixels, so the few other relevant chunks are read and written here. Text is copied, not read;
of compressed text, where decompression bombs hide, no more is unpacked than is kept.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import islice

import imagecodecs
import numpy as np

from biasfree.pixels import PixelArray
from service.errors import UndecodableImage
from service.imaging.exif import Exif, read_exif
from service.imaging.formats import ImageFormat
from service.imaging.limits import ImageLimits
from service.imaging.metadata import MAX_ICC_BYTES, Metadata, sound_dpi
from service.imaging.orientation import turned, upright
from service.imaging.picture import FIRST_FRAME, Picture, picture_of

SIGNATURE_BYTES = 8
HEADER_BYTES = SIGNATURE_BYTES + 4 + 4 + 13 + 4  # signature, then IHDR with its length, type and CRC

# The number in a 1 GB file with libpng's 8 KB chunks; a file of empty chunks would keep Python busy for minutes.
MAX_CHUNKS = 131_072

INCH_M = 0.0254
#: Units of a resolution; without one it is a ratio, the aspect of the pixels.
UNKNOWN, METER = 0, 1
#: The second term of a ratio that is written, and any number in PNG.
MOST_RATIO, MOST_DENSITY = 1_000_000, 2**31 - 1
#: Chunks that define the meaning of samples (PNG specification, third edition, section 11.3.2), kept unchanged.
COLOR_CHUNKS = (b"cICP", b"mDCV", b"cLLI", b"sRGB", b"gAMA", b"cHRM", b"sBIT")
PALETTE = 3
#: Samples of the colors of each color type; those of a palette are RGB.
COLOR_SAMPLES = {0: 1, 2: 3, PALETTE: 3, 4: 1, 6: 3}
#: The bit of a color type that stands for alpha, and the bytes of pixels that are unpacked at once to be counted.
ALPHA_TYPE, PIECE_BYTES = 4, 1 << 20
SIGNIFICANT_BITS = b"sBIT"

TEXT_CHUNKS = (b"tEXt", b"zTXt", b"iTXt")
#: The keywords of the specification (section 11.3.3.1) but for XMP and its collections. Others may hold a location, as
#: the EXIF, IPTC and XMP that ImageMagick writes into text do.
KEYWORDS = frozenset(
    (
        b"Title",
        b"Author",
        b"Description",
        b"Copyright",
        b"Creation Time",
        b"Software",
        b"Disclaimer",
        b"Warning",
        b"Source",
        b"Comment",
    )
)
#: All text of a file, unpacked; about as much as is kept of EXIF.
MAX_TEXT_BYTES = 65_536

# Denoised 512x512 photograph, megapixels per second and bytes per pixel, on two shared cores (zlib-ng):
#   8 bit   Pillow level 1..6         36 35 27 21 16 10, 0.52 .. 0.44
#           imagecodecs level 1..6    41 44 32 30 23 13, 0.51 .. 0.46
#           level 1, RLE, Paeth       101, 0.437
#   16 bit  imagecodecs level 1..6    17 16 14 13 11 10, 1.64 .. 1.61
#           level 1, RLE, Paeth       36, 1.589
# A denoised photograph has no repeated strings, so searching for them takes time and gains nothing: Huffman codes with
# a good predictor are both smallest and fastest. The network processes 1.7 Mpx/s.
PNG_SPEED = {
    "level": imagecodecs.PNG.COMPRESSION.SPEED,
    "strategy": imagecodecs.PNG.STRATEGY.RLE,
    "filter": imagecodecs.PNG.FILTER.PAETH,
}


def read(data: bytes, limits: ImageLimits) -> Picture:
    """Decode any PNG: a palette becomes RGB (or gray, if all gray), a color key alpha, and 1 to 4 bits 8 bits.

    Of an animation it is the image that programs show that do not animate.
    """
    chunks = _chunks(data)
    if len(chunks.get(b"IHDR", b"")) != 13:
        raise UndecodableImage("the PNG does not start with its header: it is damaged")
    width, height, _, color_type = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    limits.check(pixels=width * height)
    exif = read_exif(chunks.get(b"eXIf"), ImageFormat.PNG)
    try:
        samples = imagecodecs.png_decode(data)
    except imagecodecs.PngError as exc:
        present = _present(data, chunks[b"IHDR"])
        if present is None:
            raise
        raise UndecodableImage(
            f"the PNG is incomplete: only {present:.0%} of its rows are present", present=present
        ) from exc
    if color_type == PALETTE and _all_gray(chunks[b"PLTE"]):
        samples = samples[..., 2:] if samples.shape[2] == 4 else samples[..., 2]
    samples, metadata = upright(samples, exif.orientation), _metadata(chunks, exif)
    warning = FIRST_FRAME.format("PNG") if b"acTL" in chunks else ""
    picture = picture_of([samples], ImageFormat.PNG, metadata, warning=warning)
    if SIGNIFICANT_BITS in chunks:
        chunks[SIGNIFICANT_BITS] = _significant_bits(chunks[SIGNIFICANT_BITS], COLOR_SAMPLES[color_type], picture)
    color = tuple((kind, chunks[kind]) for kind in COLOR_CHUNKS if chunks.get(kind))
    text = tuple(_kept_text(data)) if chunks.keys() & set(TEXT_CHUNKS) else ()
    return replace(picture, metadata=replace(metadata, png_color=(_samples_of(picture), color), png_text=text))


def write(picture: Picture) -> bytes:
    """Encode one uint8 or uint16 frame, with its profile, EXIF, resolution and text."""
    raster = picture.raster()
    plain = imagecodecs.png_encode(raster, out=_largest_bytes(raster), **PNG_SPEED)
    ancillary = b"".join(_chunk(kind, payload) for kind, payload in _ancillary(picture))
    return b"".join((plain[:HEADER_BYTES], ancillary, plain[HEADER_BYTES:]))


def _largest_bytes(raster: PixelArray) -> int:
    """Return an upper bound for the size of a PNG; imagecodecs' own bound omits the filter byte of each row.

    Incompressible data grow by at most an eighth (zlib's fixed codes of 9 bits), and by 12 bytes per 8 KB chunk.
    """
    raw = int(raster.nbytes) + len(raster)
    return raw + raw // 8 + raw // 512 + 1024


def _chunks(data: bytes) -> dict[bytes, bytes]:
    """Return the first chunk of each type except pixels; libpng checks their order and CRC."""
    found: dict[bytes, bytes] = {}
    for kind, payload in islice(_walk(data), MAX_CHUNKS):
        if kind != b"IDAT":
            found.setdefault(kind, bytes(payload))
    return found


def _present(data: bytes, header: bytes) -> float | None:
    """Return the share of the rows before the end of a cut file; None if it is damaged otherwise, or interlaced."""
    width, height, bits, color_type, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    samples = COLOR_SAMPLES.get(color_type, 0) + (color_type & ALPHA_TYPE > 0)
    if interlaced or not samples or not height:
        return None
    # A palette has one sample, and a row begins with its filter.
    row_bytes = 1 + -(-width * bits * (1 if color_type == PALETTE else samples) // 8)
    stream, unpacked = zlib.decompressobj(), 0
    try:
        for kind, payload in islice(_walk(data), MAX_CHUNKS):
            left: bytes | memoryview = payload if kind == b"IDAT" else b""
            while left and unpacked < height * row_bytes:
                unpacked += len(stream.decompress(left, PIECE_BYTES))
                left = stream.unconsumed_tail
    except zlib.error:
        return None
    rows = unpacked // row_bytes
    return None if stream.eof or rows >= height else round(rows / height, 3)


def _kept_text(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the text chunks with harmless keywords, as they are, up to ``MAX_TEXT_BYTES``."""
    left = MAX_TEXT_BYTES
    for kind, payload in islice(_walk(data), MAX_CHUNKS):
        if kind not in TEXT_CHUNKS or len(payload) > MAX_TEXT_BYTES:
            continue
        content = bytes(payload)
        keyword, _, text = content.partition(b"\0")
        if keyword in KEYWORDS and (size := _text_bytes(kind, text, left)) is not None and size <= left:
            left -= max(size, len(content))
            yield kind, content


def _text_bytes(kind: bytes, text: bytes, most: int) -> int | None:
    """Return the bytes of a text, unpacked at most one more than ``most``; None if it is damaged.

    Args:
        kind: Type of the chunk.
        text: Its content after the keyword.
        most: The bytes to accept.
    """
    compressed, stream = kind == b"zTXt", text[1:]
    if kind == b"iTXt":
        # Flag, method, language, translated keyword, text.
        compressed, fields = text[:1] == b"\1", text[2:].split(b"\0", 2)
        if len(fields) < 3:
            return None
        stream = fields[2]
    if not compressed:
        return len(text)
    unpacker = zlib.decompressobj()
    try:
        size = len(unpacker.decompress(stream, most + 1))
    except zlib.error:
        return None
    return size if unpacker.eof or size > most else None


def _walk(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    view, start = memoryview(data), SIGNATURE_BYTES
    while start + 8 <= len(view):
        size, kind = struct.unpack(">I4s", view[start : start + 8])
        yield kind, view[start + 8 : start + 8 + size]
        start += 8 + size + 4


def _chunk(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


def _all_gray(palette: bytes) -> bool:
    entries = np.frombuffer(palette, np.uint8).reshape(-1, 3)
    return bool((entries == entries[:, :1]).all())


def _metadata(chunks: dict[bytes, bytes], exif: Exif) -> Metadata:
    density, unit = _density(chunks.get(b"pHYs", b""))
    dpi = sound_dpi(*(each * INCH_M for each in density)) if unit == METER else None
    ratio = density if unit == UNKNOWN and all(density) else None
    return Metadata(
        icc=_icc(chunks.get(b"iCCP", b"")),
        exif=exif.kept,
        dpi=turned(dpi, exif.orientation),
        unitless_resolution=turned(ratio, exif.orientation),
    )


def _icc(payload: bytes) -> bytes | None:
    """Read the profile in an iCCP chunk (name, NUL, method 0, zlib stream); None if damaged or too large."""
    _, _, stream = payload.partition(b"\0")
    try:
        profile = zlib.decompressobj().decompress(stream[1:], MAX_ICC_BYTES + 1)
    except zlib.error:
        return None
    return profile or None


def _density(payload: bytes) -> tuple[tuple[int, int], int | None]:
    """Read the pixels per unit and the unit of a pHYs chunk; without one, or if it is damaged, the unit is None."""
    if len(payload) != 9:
        return (0, 0), None
    horizontal, vertical, unit = struct.unpack(">IIB", payload)
    return (horizontal, vertical), unit


def _significant_bits(stored: bytes, count: int, picture: Picture) -> bytes:
    """Return the significant bits of each sample of a picture; empty if those in the file are damaged.

    A palette of grays has fewer samples than its file, and a transparent color adds alpha, all of whose bits count.

    Args:
        stored: The content of the chunk.
        count: Samples of the colors in the file.
        picture: The decoded picture.
    """
    depth = 8 * picture.dtype.itemsize
    colors, alpha = stored[:count], stored[count : count + 1] or bytes([depth])
    if len(colors) < count or not all(1 <= bits <= depth for bits in colors + alpha):
        return b""
    kept = bytes([max(colors)]) if picture.channels < count else colors
    return kept + alpha if picture.has_alpha else kept


def _samples_of(picture: Picture) -> int:
    """Return the samples per pixel, alpha included."""
    return picture.channels + picture.has_alpha


def _ancillary(picture: Picture) -> Iterator[tuple[bytes, bytes]]:
    """Yield the chunks between IHDR and the pixels, where iCCP and pHYs must be."""
    metadata = picture.metadata
    if icc := metadata.icc_for(picture.channels):
        yield b"iCCP", b"ICC profile\0\0" + zlib.compress(icc)
    if metadata.png_color is not None:
        count, chunks = metadata.png_color
        depth = 8 * picture.dtype.itemsize
        for kind, payload in chunks:
            # The others hold for any number of samples and bits.
            if kind != SIGNIFICANT_BITS or (count == _samples_of(picture) and max(payload, default=0) <= depth):
                yield kind, payload
    if metadata.dpi:
        yield b"pHYs", struct.pack(">IIB", *(round(dpi / INCH_M) for dpi in metadata.dpi), METER)
    elif metadata.unitless_resolution and all(metadata.unitless_resolution):
        ratio = Fraction(metadata.unitless_resolution[0] / metadata.unitless_resolution[1])
        # Square pixels need no words.
        if (terms := ratio.limit_denominator(MOST_RATIO).as_integer_ratio()) != (1, 1) and 0 < terms[0] <= MOST_DENSITY:
            yield b"pHYs", struct.pack(">IIB", *terms, UNKNOWN)
    if metadata.exif:
        yield b"eXIf", metadata.exif
    yield from metadata.png_text
