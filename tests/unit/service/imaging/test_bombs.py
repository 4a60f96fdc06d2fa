"""Small files of the further formats that announce, or hide, far more pixels than are accepted."""

import io
import re
import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
import tifffile
from astropy.io import fits as astropy_fits
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEGBaseline8Bit, JPEGLSLossless

from service.errors import ServiceError
from service.imaging import ImageLimits, decode
from tests.unit.service.imaging.format_files import (
    avif,
    dicom,
    dng,
    files,
    fits_file,
    gif,
    heic,
    jp2,
    mosaic,
    ramp,
    tiff,
    variants,
)
from tests.unit.service.imaging.samples import pillow_file
from tests.unit.service.imaging.test_tiff_tags import sharing

LIMITS = ImageLimits(max_pixels=4_000_000, max_frames=256)
SIDE = 60_000
#: Side of a constant picture that is hidden in a container of 64 x 64: 17 megapixels, 50 MB.
HIDDEN = 4096
FAST = {"preset": "ultrafast"}
MOST_BYTES = 16 * 2**20


class Writer:
    """A writer of the fields of a JPEG XL codestream, least significant bit first."""

    def __init__(self) -> None:
        self.value, self.count = 0, 0

    def write(self, *fields: tuple[int, int]) -> bytes:
        """Append numbers, each with its bits, and return everything so far as a codestream."""
        for value, bits in fields:
            self.value |= value << self.count
            self.count += bits
        return b"\xff\x0a" + self.value.to_bytes(self.count // 8 + 9, "little")


def jxl_header(side: int, *more: tuple[int, int]) -> bytes:
    """The start of a codestream of that size."""
    return Writer().write((0, 1), (3, 2), (side - 1, 30), (0, 3), (3, 2), (side - 1, 30), *more)


def jp2_header(*sizes: int, count: int = 3) -> bytes:
    """A codestream with another size, origin and tiles."""
    data = jp2(ramp(), codecformat="j2k")
    return data[:8] + struct.pack(">8IH", *sizes, count) + data[42:]


def resized(data: bytes, old: tuple[int, int], new: tuple[int, int]) -> bytes:
    """An ISO media file with every image size replaced."""
    assert struct.pack(">II", *old) in data
    return data.replace(struct.pack(">II", *old), struct.pack(">II", *new))


def dng_header() -> bytes:
    """A raw file of that size."""
    data = bytearray(dng(mosaic()))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as file:
        tags = [file.pages[0].tags[name] for name in ("ImageWidth", "ImageLength")]
    for tag in tags:
        layout = {3: "<H", 4: "<I"}[int(tag.dtype)]
        data[tag.valueoffset : tag.valueoffset + struct.calcsize(layout)] = struct.pack(layout, SIDE)
    return bytes(data)


def gif_frame() -> bytes:
    """A GIF whose first frame is larger than its screen."""
    data = gif(ramp((33, 48)))
    at = data.index(b"\x2c\0\0\0\0") + 5
    return data[:at] + struct.pack("<HH", SIDE, SIDE) + data[at + 4 :]


def gif_screen() -> bytes:
    """A GIF of a large screen."""
    data = gif(ramp((33, 48)))
    return data[:6] + struct.pack("<HH", SIDE, SIDE) + data[10:]


def with_cards(data: bytes, **cards: int) -> bytes:
    """A FITS with other numbers in its header."""
    for name, value in cards.items():
        card = f"{name:<8}= {value:>20}".encode()
        data, count = re.subn(rf"{name} *= +\d+".encode(), card, data, count=1)
        assert count == 1
    return data


def fits_compressed(**cards: int) -> bytes:
    """A FITS compressed in tiles."""
    buffer = io.BytesIO()
    hdu = astropy_fits.CompImageHDU(np.zeros((64, 64), np.int16), tile_shape=(64, 64))
    astropy_fits.HDUList([astropy_fits.PrimaryHDU(), hdu]).writeto(buffer)
    return with_cards(buffer.getvalue(), **cards)


def dicom_header() -> bytes:
    """A DICOM of that size."""
    data = dicom(ramp((16, 16)))
    for element in (b"\x28\0\x10\0US\x02\0", b"\x28\0\x11\0US\x02\0"):
        data = data.replace(element + struct.pack("<H", 16), element + struct.pack("<H", SIDE))
    return data


def dicom_hidden() -> bytes:
    """A DICOM of 16 x 16 with a larger JPEG inside."""
    dataset = pydicom.dcmread(io.BytesIO(dicom(ramp((16, 16, 3)))))
    dataset.PixelData = encapsulate([pillow_file(Image.new("RGB", (HIDDEN, HIDDEN)), "JPEG")])
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    dataset.PhotometricInterpretation = "YBR_FULL_422"
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def dicom_deflated() -> bytes:
    """A DICOM whose data set unpacks to 40 MB."""
    dataset = pydicom.dcmread(io.BytesIO(dicom(ramp((16, 16)))))
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.ImageComments = "x" * 40_000_000
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def dicom_deflated_pixels() -> bytes:
    """A deflated DICOM of 16 x 16 that unpacks to 40 MB of pixels."""
    dataset = pydicom.dcmread(io.BytesIO(dicom(ramp((16, 16)))))
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.PixelData = bytes(40_000_000)
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def dicom_jpeg_ls(hidden: np.ndarray) -> bytes:
    """A DICOM of 16 x 16 with other samples inside."""
    dataset = pydicom.dcmread(io.BytesIO(dicom(ramp((16, 16)), syntax=JPEGLSLossless)))
    dataset.PixelData = encapsulate([bytes(imagecodecs.jpegls_encode(hidden))])
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def tiff_segment(compression: str) -> bytes:
    """A TIFF of 16 x 16 with a larger image inside."""
    side = HIDDEN // 4
    data = bytearray(tiff(np.zeros((side, side, 3), np.uint8), compression=compression, tile=(side, side)))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as file:
        tags = [file.pages[0].tags[name] for name in ("ImageWidth", "ImageLength", "TileWidth", "TileLength")]
    for tag in tags:
        layout = {3: "<H", 4: "<I"}[int(tag.dtype)]
        data[tag.valueoffset : tag.valueoffset + struct.calcsize(layout)] = struct.pack(layout, 16)
    return bytes(data)


def npy_header(*shape: int) -> bytes:
    """The header of an array, and a few bytes."""
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text + bytes(50)


BOMBS = {
    "heic": lambda: resized(heic(ramp((64, 64, 3))), (64, 64), (SIDE, SIDE)),
    "heic, hidden": lambda: resized(
        heic(np.zeros((HIDDEN, HIDDEN, 3), np.uint8), chroma=420, enc_params=FAST), (HIDDEN, HIDDEN), (64, 64)
    ),
    "avif": lambda: resized(avif(ramp()), (64, 48), (30_000, 30_000)),
    "avif, hidden": lambda: resized(avif(np.zeros((HIDDEN, HIDDEN, 3), np.uint8)), (HIDDEN, HIDDEN), (64, 64)),
    "jxl": lambda: jxl_header(SIDE, (1, 1)),
    "jxl, 4096 channels": lambda: jxl_header(1000, (0, 1), (0, 1), (0, 1), (0, 2), (1, 1), (3, 2), (4095, 12)),
    "jp2": lambda: jp2_header(SIDE, SIDE, 0, 0, SIDE, SIDE, 0, 0),
    "jp2, tiles of one pixel": lambda: jp2_header(1000, 1000, 0, 0, 1, 1, 0, 0),
    "jp2, 16384 components": lambda: jp2_header(64, 48, 0, 0, 64, 48, 0, 0, count=16_384),
    "jp2, two sizes": lambda: resized(jp2(ramp((48, 64, 3)), codecformat="jp2"), (48, 64), (SIDE, SIDE)),
    "gif": gif_screen,
    "gif, frame": gif_frame,
    "dng": dng_header,
    "fits": lambda: with_cards(fits_file(ramp((16, 16))), NAXIS1=SIDE, NAXIS2=SIDE),
    "fits, compressed": lambda: fits_compressed(ZNAXIS1=SIDE, ZNAXIS2=SIDE),
    "dicom": dicom_header,
    "dicom, hidden": dicom_hidden,
    "dicom, deflated": dicom_deflated,
    "dicom, deflated pixels": dicom_deflated_pixels,
    "dicom, hidden JPEG-LS": lambda: dicom_jpeg_ls(np.zeros((HIDDEN, HIDDEN), np.uint8)),
    "dicom, JPEG-LS of color": lambda: dicom_jpeg_ls(np.zeros((16, 16, 3), np.uint8)),
    "tiff, hidden WebP": lambda: tiff_segment("webp"),
    "tiff, hidden JPEG 2000": lambda: tiff_segment("jpeg2000"),
    "tiff, one description of all pages": lambda: sharing(270, 4_000_000),
    "npy": lambda: npy_header(2**40, 2**40),
    "npy, all there are": lambda: npy_header(-1, 5),
    "pnm": lambda: b"P6 60000 60000 255\n" + bytes(100),
    "pnm, digits": lambda: b"P6 " + b"9" * 5000 + b" 1 255\n",
    "pam": lambda: b"P7\nWIDTH 60000\nHEIGHT 60000\nDEPTH 3\nMAXVAL 255\nENDHDR\n",
}


def peak_bytes() -> int:
    """The largest resident memory since it was last reset."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


@pytest.fixture(scope="module")
def loaded():
    """Every library has decoded a file: its own size is not a bomb's."""
    for each in (files() | variants()).values():
        decode(each, limits=LIMITS)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="resets the peak of the memory through /proc")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_before_its_pixels_are_decoded(name, loaded):
    """With an error of ours, and hardly any memory."""
    data = BOMBS[name]()
    Path("/proc/self/clear_refs").write_text("5")
    before = peak_bytes()
    with pytest.raises(ServiceError):
        decode(data, limits=LIMITS)
    assert peak_bytes() - before < MOST_BYTES
