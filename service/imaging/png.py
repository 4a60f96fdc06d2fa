"""PNG by libpng (imagecodecs): Pillow silently cuts 16-bit colour to 8 bits.

imagecodecs gives pixels alone, so that the few chunks that matter beside them are read and written here. That also
keeps compressed text chunks, where bombs hide, unread.
"""

import struct
import zlib
from collections.abc import Iterator
from itertools import islice

import imagecodecs
import numpy as np

from biasfree.pixels import PixelArray
from service.errors import UndecodableImage, UnsupportedMedia
from service.imaging.exif import Exif, read_exif
from service.imaging.formats import ImageFormat
from service.imaging.limits import ImageLimits
from service.imaging.metadata import MAX_ICC_BYTES, Metadata, sound_dpi
from service.imaging.orientation import turned, upright
from service.imaging.picture import Picture, picture_of

SIGNATURE_BYTES = 8
HEADER_BYTES = SIGNATURE_BYTES + 4 + 4 + 13 + 4  # signature, then IHDR with its length, type and CRC

# A 1 GB file in libpng's 8 KB pieces has as many; a file of empty chunks would keep Python busy for minutes.
MAX_CHUNKS = 131_072

INCH_M = 0.0254
PALETTE = 3

# Denoised 512x512 photograph, megapixels per second and bytes per pixel, on two shared cores (zlib-ng):
#   8 bit   Pillow level 1..6         36 35 27 21 16 10, 0.52 .. 0.44
#           imagecodecs level 1..6    41 44 32 30 23 13, 0.51 .. 0.46
#           level 1, RLE, Paeth       101, 0.437
#   16 bit  imagecodecs level 1..6    17 16 14 13 11 10, 1.64 .. 1.61
#           level 1, RLE, Paeth       36, 1.589
# A denoised photograph has no repeated strings, so that searching for them costs time and gains nothing: Huffman codes
# over a good predictor are both smallest and fastest. The network does 1.7 Mpx/s.
PNG_SPEED = {
    "level": imagecodecs.PNG.COMPRESSION.SPEED,
    "strategy": imagecodecs.PNG.STRATEGY.RLE,
    "filter": imagecodecs.PNG.FILTER.PAETH,
}


def read(data: bytes, limits: ImageLimits) -> Picture:
    """Decode a PNG of any kind: palettes become RGB (gray, if all grays), colour keys alpha, 1 to 4 bits 8."""
    chunks = _chunks(data)
    if len(chunks.get(b"IHDR", b"")) != 13:
        raise UndecodableImage("expected a PNG that starts with its header, got none")
    width, height, _, color_type = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    if b"acTL" in chunks:
        raise UnsupportedMedia("expected one image, got an animated PNG", supported=["tiff", "npy"])
    limits.check(pixels=width * height)
    exif = read_exif(chunks.get(b"eXIf"), ImageFormat.PNG)
    samples = imagecodecs.png_decode(data)
    if color_type == PALETTE and _all_gray(chunks[b"PLTE"]):
        samples = samples[..., 2:] if samples.shape[2] == 4 else samples[..., 2]
    return picture_of([upright(samples, exif.orientation)], ImageFormat.PNG, _metadata(chunks, exif))


def write(picture: Picture) -> bytes:
    """Encode one uint8 or uint16 frame, with its profile, EXIF and resolution."""
    raster = picture.raster()
    plain = imagecodecs.png_encode(raster, out=_largest_bytes(raster), **PNG_SPEED)
    ancillary = b"".join(_chunk(kind, payload) for kind, payload in _ancillary(picture))
    return b"".join((plain[:HEADER_BYTES], ancillary, plain[HEADER_BYTES:]))


def _largest_bytes(raster: PixelArray) -> int:
    """A PNG of these pixels has no more bytes. imagecodecs' own bound forgets that each row has a filter byte.

    Incompressible data grow by at most an eighth (zlib's fixed codes of 9 bits), and by 12 bytes per 8 KB chunk.
    """
    raw = int(raster.nbytes) + len(raster)
    return raw + raw // 8 + raw // 512 + 1024


def _chunks(data: bytes) -> dict[bytes, bytes]:
    """The first chunk of each type but the pixels; libpng checks their order and CRC."""
    found: dict[bytes, bytes] = {}
    for kind, payload in islice(_walk(data), MAX_CHUNKS):
        if kind != b"IDAT":
            found.setdefault(kind, bytes(payload))
    return found


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
    dpi = _dpi(chunks.get(b"pHYs", b""))
    return Metadata(icc=_icc(chunks.get(b"iCCP", b"")), exif=exif.kept, dpi=turned(dpi, exif.orientation))


def _icc(payload: bytes) -> bytes | None:
    """The profile of an iCCP chunk: name, NUL, method 0, zlib stream; None if damaged or larger than any profile."""
    _, _, stream = payload.partition(b"\0")
    try:
        profile = zlib.decompressobj().decompress(stream[1:], MAX_ICC_BYTES + 1)
    except zlib.error:
        return None
    return profile or None


def _dpi(payload: bytes) -> tuple[float, float] | None:
    """Of a pHYs chunk; unit 1 is per metre, unit 0 an aspect ratio."""
    if len(payload) != 9 or payload[8] != 1:
        return None
    x_per_m, y_per_m = struct.unpack(">II", payload[:8])
    return sound_dpi(x_per_m * INCH_M, y_per_m * INCH_M)


def _ancillary(picture: Picture) -> Iterator[tuple[bytes, bytes]]:
    """Chunks between IHDR and the pixels, which is where iCCP and pHYs have to be."""
    metadata = picture.metadata
    if icc := metadata.icc_for(picture.channels):
        yield b"iCCP", b"ICC profile\0\0" + zlib.compress(icc)
    if metadata.dpi:
        yield b"pHYs", struct.pack(">IIB", *(round(dpi / INCH_M) for dpi in metadata.dpi), 1)
    if metadata.exif:
        yield b"eXIf", metadata.exif
