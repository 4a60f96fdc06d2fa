"""JPEG 2000 through OpenJPEG: 8 bits by Pillow, which converts palettes and YCC, and more bits by imagecodecs."""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import imagecodecs
import numpy as np
from PIL import Jpeg2KImagePlugin

from biasfree.pixels import PixelArray
from service.errors import UndecodableImage, UnsupportedMedia
from service.imaging.bits import spread
from service.imaging.color import cmyk_to_rgb
from service.imaging.formats import ImageFormat
from service.imaging.iso_media import boxes
from service.imaging.limits import ImageLimits
from service.imaging.metadata import Metadata
from service.imaging.picture import Picture, picture_of

CODESTREAM = b"\xff\x4f\xff\x51"
#: The end marker. OpenJPEG wants it, although the lengths of the tiles say what is missing.
END = b"\xff\xd9"
#: More than a header of as many components as are read has.
HEADER_BYTES = 4096
#: Components of CMYK with alpha would be 5, which Pillow does not read.
MAX_COMPONENTS, MAX_BITS, MAX_SUBSAMPLING = 4, 16, 4
#: OpenJPEG keeps 6 KB for each tile before it decodes one.
MAX_TILES_PER_MPX, LEAST_TILES = 256, 64


@dataclass(frozen=True)
class Header:
    """The size and the components that a codestream announces (ISO/IEC 15444-1, section A.5.1)."""

    width: int
    height: int
    tiles: int
    components: tuple[tuple[int, int, int], ...]

    @property
    def bits(self) -> int:
        """Return the bits per sample of the deepest component."""
        return max((depth & 0x7F) + 1 for depth, _, _ in self.components)


def read(data: bytes, limits: ImageLimits) -> Picture:
    """Decode an image: up to 8 bits as uint8, up to 16 bits as uint16."""
    head, icc = _parts(data)
    header = read_header(head)
    limits.check(pixels=header.width * header.height)
    check(header)
    data = data if data.endswith(END) else data + END
    samples = _eight_bits(data, header, icc) if header.bits <= 8 else _deep(data, header)
    return picture_of([samples], ImageFormat.JP2, Metadata(icc=icc))


def announced(data: bytes) -> Header:
    """Return the header of a file or codestream that may be decoded.

    Raises:
        UnsupportedMedia, UndecodableImage: It may not.
    """
    header = read_header(_parts(data)[0])
    check(header)
    return header


def check(header: Header) -> None:
    """Refuse an image of too many tiles, or of components that are not read."""
    most_tiles = LEAST_TILES + MAX_TILES_PER_MPX * header.width * header.height // 1_000_000
    if header.tiles > most_tiles:
        raise UndecodableImage(f"the JPEG 2000 image has {header.tiles} tiles: at most {most_tiles} fit its size")
    if header.components[0][1:] != (1, 1) or max(max(each[1:]) for each in header.components) > MAX_SUBSAMPLING:
        raise UndecodableImage("the JPEG 2000 image has components of odd sizes: it is damaged")
    signed = any(depth & 0x80 for depth, _, _ in header.components)
    if len(header.components) > MAX_COMPONENTS or header.bits > MAX_BITS or signed:
        raise UnsupportedMedia(
            f"the JPEG 2000 image has {len(header.components)} components of {header.bits} bits"
            f"{', signed' if signed else ''}: supported are gray, RGB and CMYK of up to {MAX_BITS} bits",
            supported=["gray", "RGB", "CMYK"],
        )


def _eight_bits(data: bytes, header: Header, icc: bytes | None) -> PixelArray:
    with Jpeg2KImagePlugin.Jpeg2KImageFile(io.BytesIO(data)) as image:
        if image.size != (header.width, header.height):
            raise UndecodableImage("the JPEG 2000 file states two sizes: it is damaged")
        if image.mode not in {"L", "LA", "RGB", "RGBA", "CMYK", "P", "PA"}:
            raise UnsupportedMedia(
                f"JPEG 2000 images of mode {image.mode} are not supported", supported=["gray", "RGB"]
            )
        image.load()
        if image.mode == "CMYK":
            return cmyk_to_rgb(np.asarray(image), icc)
        return np.asarray(image.convert({"P": "RGB", "PA": "RGBA"}.get(image.mode, image.mode)))


def _deep(data: bytes, header: Header) -> PixelArray:
    if any((x, y) != (1, 1) for _, x, y in header.components):
        raise UnsupportedMedia(
            "a JPEG 2000 image with subsampled components of more than 8 bits is not supported: send tiff or png",
            supported=["tiff", "png"],
        )
    samples: PixelArray = imagecodecs.jpeg2k_decode(data, numthreads=1)
    return spread(samples, header.bits)


def _parts(data: bytes) -> tuple[bytes, bytes | None]:
    """Return the start of the codestream and the ICC profile; a file is a codestream or boxes around it."""
    if data.startswith(CODESTREAM):
        return data[:HEADER_BYTES], None
    head, icc = b"", None
    for kind, payload in _image_boxes(data):
        if kind == b"jp2c":
            head = head or bytes(payload[:HEADER_BYTES])
        elif kind == b"colr" and bytes(payload[:1]) == b"\x02":
            icc = bytes(payload[3:])
    return head, icc


def _image_boxes(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    for kind, payload in boxes(data):
        if kind == b"jp2h":
            yield from boxes(payload)
        yield kind, payload


def read_header(head: bytes) -> Header:
    """Read the marker SIZ, the first of a codestream.

    Raises:
        UndecodableImage: It is missing, incomplete or contradicts itself.
    """
    if not head.startswith(CODESTREAM) or len(head) < 42:
        raise UndecodableImage("the JPEG 2000 file has no complete header: it is damaged")
    right, bottom, left, top, tile_w, tile_h, tile_x, tile_y, count = struct.unpack(">8IH", head[8:42])
    components = tuple(struct.iter_unpack("3B", head[42 : 42 + 3 * count]))
    sound = right > left and bottom > top and tile_w and tile_h and tile_x <= left and tile_y <= top
    if not sound or not components or len(components) != count or any(0 in each[1:] for each in components):
        raise UndecodableImage("the JPEG 2000 file has a header that contradicts itself: it is damaged")
    tiles = -(-(right - tile_x) // tile_w) * -(-(bottom - tile_y) // tile_h)
    return Header(right - left, bottom - top, tiles, components)
