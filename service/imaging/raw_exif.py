"""The EXIF of camera raw files, which LibRaw reads and rawpy does not give: it is where each kind of file has it."""

import io

from PIL import JpegImagePlugin

from service.errors import UndecodableImage
from service.imaging.exif import Exif, read_exif
from service.imaging.formats import ImageFormat
from service.imaging.iso_media import boxes
from service.imaging.library_errors import translated

#: The directories of a raw file that is a TIFF are among its first bytes.
HEAD_BYTES = 1 << 22
#: Byte orders of TIFF, and what Panasonic and Olympus have instead of its 42.
ORDERS, NUMBERS = {b"II": b"II*\0", b"MM": b"MM\0*"}, {b"*\0", b"\0*", b"U\0", b"RO", b"RS", b"OR"}

FUJIFILM = b"FUJIFILMCCD-RAW"
#: Offset and length of the JPEG in a file of Fujifilm, whose EXIF is that of the photograph.
FUJIFILM_JPEG = 84

#: The box of Canon's metadata in a CR3: its UUID, and inside the directory of the image and that of the camera.
CANON = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
IMAGE_BOX, CAMERA_BOX = b"CMT1", b"CMT2"


def read(data: bytes) -> Exif:
    """Return the EXIF of a raw file; empty where it is not found."""
    if data.startswith(FUJIFILM):
        return read_exif(_of_fujifilm(data), ImageFormat.RAW)
    if data[2:4] in NUMBERS and data[:2] in ORDERS:
        return read_exif(ORDERS[data[:2]] + data[4:HEAD_BYTES], ImageFormat.RAW)
    found = _of_canon(data)
    return read_exif(found.get(IMAGE_BOX), ImageFormat.RAW, camera=found.get(CAMERA_BOX))


def _of_fujifilm(data: bytes) -> bytes | None:
    start, size = (int.from_bytes(data[at : at + 4], "big") for at in (FUJIFILM_JPEG, FUJIFILM_JPEG + 4))
    try:
        with translated(ImageFormat.RAW), JpegImagePlugin.JpegImageFile(io.BytesIO(data[start : start + size])) as jpeg:
            block: bytes | None = jpeg.info.get("exif")
            return block
    except UndecodableImage:
        return None


def _of_canon(data: bytes) -> dict[bytes, bytes]:
    for kind, movie in boxes(data):
        if kind != b"moov":
            continue
        for inner, payload in boxes(movie):
            if inner == b"uuid" and payload[:16] == CANON:
                return {name: bytes(content) for name, content in boxes(payload[16:])}
    return {}
