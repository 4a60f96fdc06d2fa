"""The Netpbm formats PBM, PGM, PPM, PAM and PFM, read here because Pillow reduces 16-bit color to 8 bits."""

import re
from dataclasses import dataclass
from math import isfinite, prod

import numpy as np

from biasfree.pixels import PixelArray
from service.errors import UndecodableImage, UnsupportedMedia
from service.imaging.bits import spread_from
from service.imaging.color import cmyk_to_rgb
from service.imaging.formats import NETPBM, ImageFormat
from service.imaging.limits import ImageLimits
from service.imaging.metadata import Metadata
from service.imaging.picture import Picture, picture_of

#: A number after white space and comments.
NUMBER = re.compile(rb"(?:\s|#[^\n\r]*[\n\r])*([-+.\deE]+)")
#: The header of a PAM ends in a line of its own; comments make it no longer than this.
PAM_HEADER = re.compile(rb"P7\s(.{0,4096}?)^ENDHDR\s*?\n", re.DOTALL | re.MULTILINE)
PAM_FIELD = re.compile(rb"^(WIDTH|HEIGHT|DEPTH|MAXVAL|TUPLTYPE)\s+(\S+)", re.MULTILINE)
#: Names of tuples, besides alpha: gray and colors, and inks (pam(5), and Ghostscript's device pamcmyk32).
COLORS, CMYK, ALPHA = frozenset({"BLACKANDWHITE", "GRAYSCALE", "RGB", ""}), "CMYK", "ALPHA"
#: The numbers of a plain image, and comments: a P outside of them begins a further image.
PLAIN_TEXT = re.compile(rb"(?:[^#P]++|#[^\n\r]*+)*+")
PLAIN = b"123"

MAX_VALUE = 65535
#: Bytes after the pixels in which the header of a further image begins.
REST_BYTES = 4096
#: The warning about a file of several images, which Netpbm's programs write.
FIRST_IMAGE = "only the first image of the PNM file was read"


@dataclass(frozen=True)
class Header:
    """The announced size and samples, and where the pixels begin."""

    kind: bytes
    width: int
    height: int
    samples: int
    most: int
    start: int
    scale: float = 0.0
    tuple_type: str = ""

    @property
    def count(self) -> int:
        """Return the number of samples of the image."""
        return prod((self.width, self.height, self.samples))

    @property
    def has_alpha(self) -> bool:
        """Tell whether the last sample is alpha: by the name of the tuple, or without one by their number."""
        return self.tuple_type.endswith(ALPHA) if self.tuple_type else self.samples in {2, 4}

    @property
    def inks(self) -> bool:
        """Tell whether the samples are inks, maybe with alpha."""
        return self.tuple_type.removesuffix(f"_{ALPHA}") == CMYK and self.samples == 4 + self.has_alpha

    @property
    def colors(self) -> bool:
        """Tell whether the samples besides alpha are gray or RGB."""
        return not self.tuple_type or self.tuple_type.removesuffix(ALPHA).strip("_ ") in COLORS


def read(data: bytes, limits: ImageLimits) -> Picture:
    """Decode the first image of a file: up to 8 bits as uint8, up to 16 bits as uint16, white at their maximum.

    The tuples of a PAM may have any number of channels; inks become sRGB.
    """
    header = _pam_header(data) if data[1:2] == b"7" else _header(data)
    if min(header.width, header.height) < 1:
        raise UndecodableImage("the PNM file has no pixels")
    limits.check(pixels=header.width * header.height)
    limits.check_channels(header.samples)
    if header.samples < 1 or not 1 <= header.most <= MAX_VALUE:
        raise UnsupportedMedia(
            f"a PNM file of {header.samples} samples up to {header.most} is not supported",
            supported=["values up to 65535"],
        )
    samples = READERS[header.kind](data, header)
    if header.inks:
        samples = _without_inks(samples)
    metadata = Metadata(gray_channels=not (header.inks or header.colors))
    warning = FIRST_IMAGE if _has_another(data, header) else ""
    return picture_of([samples], ImageFormat.PNM, metadata, alpha=[header.has_alpha], warning=warning)


def write(picture: Picture) -> bytes:
    """Encode one frame of uint8 or uint16: PGM or PPM without alpha, PAM with it."""
    raster = picture.samples()
    height, width, samples = raster.shape
    most = int(np.iinfo(raster.dtype).max)
    content = raster.astype(raster.dtype.newbyteorder(">"), copy=False).tobytes()
    if picture.has_alpha:
        kind = "RGB_ALPHA" if samples == 4 else "GRAYSCALE_ALPHA"
        fields = f"WIDTH {width}\nHEIGHT {height}\nDEPTH {samples}\nMAXVAL {most}\nTUPLTYPE {kind}\nENDHDR\n"
        return b"P7\n" + fields.encode() + content
    return f"{'P6' if samples == 3 else 'P5'}\n{width} {height}\n{most}\n".encode() + content


def _without_inks(samples: PixelArray) -> PixelArray:
    """Convert inks (H, W, 4) to RGB in 8 bits; keep alpha, if any."""
    if samples.dtype != np.uint8:
        raise UnsupportedMedia(
            "a PAM file of inks (CMYK) with more than 8 bits is not supported: convert it to RGB",
            supported=["8-bit CMYK", "RGB"],
        )
    return np.dstack((cmyk_to_rgb(samples[..., :4], None), samples[..., 4:]))


def _header(data: bytes) -> Header:
    """Read the two letters, the size, and the maximum (or the scale of floats); one byte of white space follows."""
    kind, at, numbers = data[1:2], 2, []
    for _ in range(2 if kind in b"14" else 3):
        found = NUMBER.match(data, at)
        if found is None:
            raise UndecodableImage("the PNM file has no complete header: it is damaged")
        at = found.end()
        numbers.append(found[1])
    floats = kind in b"Ff"
    scale = float(numbers[2]) if floats else 0.0
    if floats and (scale == 0 or not isfinite(scale)):
        raise UndecodableImage(f"the PFM file has the scale {scale:g}: write -1 for little endian, or 1 for big endian")
    return Header(
        kind,
        width=int(numbers[0]),
        height=int(numbers[1]),
        samples=3 if kind in b"36F" else 1,
        most=1 if floats or kind in b"14" else int(numbers[2]),
        start=at + 1,
        scale=scale,
    )


def _pam_header(data: bytes) -> Header:
    found = PAM_HEADER.match(data)
    if found is None:
        raise UndecodableImage("the PAM file has no complete header: it is damaged")
    fields = dict(PAM_FIELD.findall(found[1]))
    width, height, samples, most = (int(fields[name]) for name in (b"WIDTH", b"HEIGHT", b"DEPTH", b"MAXVAL"))
    # Several lines make one name.
    kind = b" ".join(value for name, value in PAM_FIELD.findall(found[1]) if name == b"TUPLTYPE").decode("latin-1")
    return Header(b"7", width, height, samples, most, found.end(), tuple_type=kind)


def _has_another(data: bytes, header: Header) -> bool:
    """Tell whether a further image follows the pixels, damaged or not."""
    end = _plain_end(data, header) if header.kind in PLAIN else header.start + _raw_bytes(header)
    return NETPBM.match(data[end : end + REST_BYTES].lstrip()) is not None


def _plain_end(data: bytes, header: Header) -> int:
    found = PLAIN_TEXT.match(data, header.start - 1)
    return len(data) if found is None else found.end()


def _plain_text(data: bytes, header: Header) -> bytes:
    return data[header.start - 1 : _plain_end(data, header)]


def _raw_bytes(header: Header) -> int:
    """Return the bytes of the pixels of an image that is not plain."""
    if header.kind == b"4":
        return -(-header.width // 8) * header.height
    return header.count * (4 if header.kind in b"Ff" else 1 if header.most < 256 else 2)


def _plain_bits(data: bytes, header: Header) -> PixelArray:
    """Read the digits of a plain PBM, which need no space between them; 1 is black."""
    text = re.sub(rb"#[^\n\r]*|\s", b"", _plain_text(data, header))
    values = np.frombuffer(text, np.uint8, _enough(len(text), header.count)) - ord("0")
    if values.max() > 1:
        raise UndecodableImage("the PBM file has digits other than 0 and 1: it is damaged")
    return _white_first(values).reshape(header.height, header.width)


def _plain(data: bytes, header: Header) -> PixelArray:
    text = re.sub(rb"#[^\n\r]*", b"", _plain_text(data, header))
    # Not split(): a list of numbers takes twenty times the memory of the file.
    values = np.fromstring(text, np.int64, sep=" ")
    return _shaped(values[: _enough(len(values), header.count)], header)


def _raw_bits(data: bytes, header: Header) -> PixelArray:
    row = -(-header.width // 8)
    packed = np.frombuffer(data, np.uint8, _enough(len(data) - header.start, row * header.height), header.start)
    bits = np.unpackbits(packed.reshape(header.height, row), axis=1, count=header.width)
    return _white_first(bits)


def _raw(data: bytes, header: Header) -> PixelArray:
    dtype = np.dtype(np.uint8 if header.most < 256 else ">u2")
    present = max(0, len(data) - header.start) // dtype.itemsize
    return _shaped(np.frombuffer(data, dtype, _enough(present, header.count), header.start), header)


def _floats(data: bytes, header: Header) -> PixelArray:
    """Read floats, bottom row first; a negative scale means little endian."""
    dtype = np.dtype("<f4" if header.scale < 0 else ">f4")
    present = max(0, len(data) - header.start) // dtype.itemsize
    values = np.frombuffer(data, dtype, _enough(present, header.count), header.start).astype(np.float32)
    return values.reshape(header.height, header.width, header.samples)[::-1]


READERS = {
    b"1": _plain_bits,
    b"2": _plain,
    b"3": _plain,
    b"4": _raw_bits,
    b"5": _raw,
    b"6": _raw,
    b"7": _raw,
    b"F": _floats,
    b"f": _floats,
}


def _white_first(bits: PixelArray) -> PixelArray:
    return np.where(bits, 0, 255).astype(np.uint8)


def _shaped(values: PixelArray, header: Header) -> PixelArray:
    if values.max() > header.most or values.min() < 0:
        raise UndecodableImage(f"the PNM file has values beyond its maximum of {header.most}: it is damaged")
    return spread_from(values.reshape(header.height, header.width, header.samples), header.most)


def _enough(present: int, needed: int) -> int:
    """Return ``needed``.

    Raises:
        UndecodableImage: Fewer are present.
    """
    if present < needed:
        raise UndecodableImage(f"the PNM file is incomplete: it has {max(present, 0)} of {needed} samples")
    return needed
