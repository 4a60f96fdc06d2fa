"""JPEG: the metadata through Pillow, the pixels through libjpeg-turbo (simplejpeg), which says what is damaged."""

import io
import re
import struct
from dataclasses import dataclass
from itertools import product

import numpy as np
import simplejpeg
from PIL import Image, JpegImagePlugin, MpoImagePlugin

from biasfree.pixels import PixelArray
from service.errors import UndecodableImage, UnsupportedMedia
from service.imaging.color import cmyk_to_rgb
from service.imaging.exif import PREFIX, read_exif
from service.imaging.formats import ImageFormat
from service.imaging.library_errors import silence, translated
from service.imaging.limits import ImageLimits
from service.imaging.metadata import Metadata, sound_dpi
from service.imaging.orientation import turned, upright
from service.imaging.picture import Picture, picture_of

# libjpeg's own scale; with full-resolution color the loss is below noise of sigma 2, less than any denoiser leaves.
QUALITY = 95

#: JFIF has 16 bits for a resolution.
DPI = range(1, 65_535)

#: Pillow's modes, and simplejpeg's names of the same colors.
COLORS = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}

#: The index of the pictures in a file (CIPA DC-007, MP Entry), and what the first one says if a second is its gain map.
MP_ENTRIES, GAIN_MAPS = 0xB002, (b"hdrgm:Version", b"urn:iso:std:iso:ts:21496")
#: The application segments, which hold those data, precede the pixels.
HEAD_BYTES = 1 << 18

#: Start of frame of JPEG-LS (ITU-T T.87), of lossless and of hierarchical JPEG (ITU-T T.81, table B.1).
JPEG_LS, LOSSLESS, LOSSLESS_ARITHMETIC = 0xF7, 0xC3, 0xCB
HIERARCHICAL = frozenset({0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF})
#: Bits of lossless JPEG and of lossy JPEG beyond the usual 8 (ITU-T T.81, table B.2).
LOSSLESS_BITS, EXTENDED_BITS = range(2, 17), 12
#: Start of frame in all its variants, but for the markers between them that are no frames (ITU-T T.81, table B.1).
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {JPEG_LS}
SCAN, STANDALONE = 0xDA, frozenset({0x01, *range(0xD0, 0xD9)})

#: A marker after the data of a scan: neither a stuffed zero nor a restart.
AFTER_SCAN = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")
COEFFICIENTS = range(64)

#: The end marker, and bits that decode to pixels other than gray, which libjpeg uses for missing data.
END, FILLER = b"\xff\xd9", bytes([0x5A, 0x13, 0x77, 0x2D]) * 4096


def read(data: bytes, limits: ImageLimits) -> Picture:
    """Decode the first image of a JPEG file. CMYK becomes sRGB and loses its profile.

    A file may have further pictures (MPO), about which the warning tells. Previews and gain maps are none.

    The plugin's class is used directly because ``Image.open`` would enforce Pillow's global pixel limit, not ours.
    """
    _refuse_variants(data)
    with JpegImagePlugin.JpegImageFile(io.BytesIO(data)) as image:
        limits.check(pixels=image.width * image.height)
        if image.mode not in COLORS:
            raise UnsupportedMedia(
                f"JPEG files of mode {image.mode} are not supported: convert to gray, RGB or CMYK",
                supported=list(COLORS),
            )
        samples, damage = _samples(image, data)
        icc = image.info.get("icc_profile")
        dpi = sound_dpi(*image.info.get("dpi", (0, 0)))
        exif = read_exif(image.info.get("exif"), ImageFormat.JPEG)
        if image.mode == "CMYK":
            samples, icc = cmyk_to_rgb(samples, icc), None
    metadata = Metadata(icc=icc, exif=exif.kept, dpi=turned(dpi, exif.orientation))
    warning = "; ".join(filter(None, (damage, _left_out(image, data))))
    return picture_of([upright(samples, exif.orientation)], ImageFormat.JPEG, metadata, warning=warning)


def write(picture: Picture, quality: int | None = None) -> bytes:
    """Encode one uint8 frame, by default at quality 95, without chroma subsampling."""
    metadata = picture.metadata
    buffer = io.BytesIO()
    Image.fromarray(picture.raster()).save(
        buffer,
        "JPEG",
        quality=quality or QUALITY,
        subsampling="4:4:4",
        icc_profile=metadata.icc_for(picture.channels),
        exif=PREFIX + metadata.exif if metadata.exif else b"",
        dpi=metadata.dpi if metadata.dpi and all(round(dpi) in DPI for dpi in metadata.dpi) else (0, 0),
    )
    return buffer.getvalue()


@dataclass(frozen=True)
class FrameHeader:
    """The size and the samples that a JPEG announces, and the marker of its kind."""

    marker: int
    width: int
    height: int
    bits: int
    samples: int


def frame_header(data: bytes) -> FrameHeader:
    """Return the first frame header of a JPEG of any kind.

    Raises:
        UndecodableImage: There is none before the first scan.
    """
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF or marker in STANDALONE:
            at += 1 if marker == 0xFF else 2
            continue
        if marker in FRAMES and at + 10 <= len(data):
            bits, height, width, samples = struct.unpack(">BHHB", data[at + 4 : at + 10])
            return FrameHeader(marker, width, height, bits, samples)
        if marker == SCAN:
            break
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    raise UndecodableImage("a JPEG inside the file has no frame: it is damaged")


def _refuse_variants(data: bytes) -> None:
    """Refuse the kinds of JPEG that libjpeg does not read, by name; a damaged file passes, and fails when decoded.

    Raises:
        UnsupportedMedia: The first frame is of such a kind.
    """
    try:
        variant = _variant(frame_header(data))
    except UndecodableImage:
        return
    if variant:
        raise UnsupportedMedia(
            f"the file is {variant}, which is not supported: convert it to PNG or TIFF", supported=["8-bit JPEG"]
        )


def _variant(header: FrameHeader) -> str | None:
    """Return the name of an unsupported kind of JPEG; None for any other."""
    if header.marker == JPEG_LS:
        return "JPEG-LS"
    if header.marker in HIERARCHICAL:
        return "a hierarchical JPEG"
    if header.marker == LOSSLESS_ARITHMETIC:
        return "a lossless JPEG with arithmetic coding"
    if header.marker == LOSSLESS and header.bits != 8 and header.bits in LOSSLESS_BITS:
        return f"a lossless JPEG of {header.bits} bits"
    if header.bits == EXTENDED_BITS:
        return "a 12-bit JPEG"
    return "a JPEG of two channels" if header.samples == 2 else None


def _left_out(image: JpegImagePlugin.JpegImageFile, data: bytes) -> str:
    """Return the warning about further pictures of the same file; a damaged index of them is ignored."""
    if "mp" not in image.info or any(mark in data[:HEAD_BYTES] for mark in GAIN_MAPS):
        return ""
    silence("PIL")
    try:
        with translated(ImageFormat.JPEG), MpoImagePlugin.MpoImageFile(io.BytesIO(data)) as file:
            kinds = [str(entry["Attribute"]["MPType"]) for entry in (file.mpinfo or {}).get(MP_ENTRIES, ())]
    except UndecodableImage:
        return ""
    pictures = sum("Thumbnail" not in kind for kind in kinds)
    return f"only the first of the {pictures} pictures in the JPEG was read" if pictures > 1 else ""


def _samples(image: JpegImagePlugin.JpegImageFile, data: bytes) -> tuple[PixelArray, str]:
    """Return the pixels, and a warning if some of them are damaged.

    Raises:
        UndecodableImage: Some pixels are missing; ``facts`` has ``present``, their share in rows.
    """
    try:
        return _intact(image, data), ""
    except ValueError as exc:
        damage = f"the JPEG is damaged, and parts of the picture may be wrong (libjpeg: {exc})"
    ended = data.rstrip(b"\0") + END
    if not image.info.get("progressive") or has_all_scans(data):
        try:
            return _intact(image, ended), ""
        except ValueError:
            pass
    try:
        return np.asarray(image), damage
    except OSError as exc:
        raise _incomplete(image, data.rstrip(b"\0")) from exc


def _intact(image: JpegImagePlugin.JpegImageFile, data: bytes) -> PixelArray:
    """Return the pixels, the same as Pillow's and sooner; CMYK without Adobe's inversion.

    Raises:
        ValueError: libjpeg has an error or a warning, which Pillow would hide.
        UndecodableImage: The file has two sizes, only one of which was checked.
    """
    if simplejpeg.decode_jpeg_header(data)[:2] != (image.height, image.width):
        raise UndecodableImage("the JPEG states two sizes: it is damaged")
    samples: PixelArray = simplejpeg.decode_jpeg(data, COLORS[image.mode])
    return ~samples if image.mode == "CMYK" else samples


def _incomplete(image: JpegImagePlugin.JpegImageFile, content: bytes) -> UndecodableImage:
    """Return the refusal of a file that lacks more than its end marker; a progressive file may lack whole scans."""
    if image.info.get("progressive"):
        return UndecodableImage(
            "the progressive JPEG is damaged or incomplete: not all of its scans can be read", present=None
        )
    present = _present(content)
    share = "it ends before its last row" if present is None else f"only {present:.0%} of its rows are present"
    return UndecodableImage(f"the JPEG is incomplete: {share}", present=present)


def has_all_scans(data: bytes) -> bool:
    """Tell whether the scans of a progressive JPEG bring every bit of each coefficient (ITU-T T.81, section G.1.1)."""
    missing: dict[tuple[int, int], int] = {}
    at = 2
    while found := AFTER_SCAN.match(data, at):
        marker, start = data[found.end() - 1], found.end()
        if marker in STANDALONE:
            at = start
            continue
        segment = data[start + 2 : start + int.from_bytes(data[start : start + 2], "big")]
        at = start + 2 + len(segment)
        if marker in FRAMES and len(segment) > 5:
            missing = dict.fromkeys(product(segment[6::3], COEFFICIENTS), 1)
        elif marker == SCAN and len(segment) >= 4 + 2 * segment[0]:
            first, last, precision = segment[1 + 2 * segment[0] :][:3]
            # The lower half of the last byte is the number of low bits that further scans bring.
            sent = product(segment[1 : 1 + 2 * segment[0] : 2], range(first, last + 1))
            missing |= dict.fromkeys(sent, precision & 15)
            following = AFTER_SCAN.search(data, at)
            at = len(data) if following is None else following.start()
    return bool(missing) and not any(missing.values())


def _present(content: bytes) -> float | None:
    """Return the share of the rows before the end of a file, None if unknown.

    It is decoded with two different endings: pixels that differ are missing. After a restart marker none differ.
    """
    first, second = (_decoded(content + filler + END) for filler in (b"", FILLER))
    differs = (first != second).reshape(len(first), -1).any(axis=1)
    return round(int(differs.argmax()) / len(differs), 3) if differs.any() else None


def _decoded(data: bytes) -> PixelArray:
    with JpegImagePlugin.JpegImageFile(io.BytesIO(data)) as image:
        return np.asarray(image)
