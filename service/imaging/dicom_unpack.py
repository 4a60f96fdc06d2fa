"""DICOM files that pydicom does not unpack by itself: deflated data sets, JPEG-LS and lossless JPEG."""

import io
import zlib
from collections.abc import Callable
from typing import Any

import imagecodecs

from biasfree.pixels import PixelArray
from service.errors import UndecodableImage
from service.imaging import jpeg

#: The transfer syntax of a data set that is compressed as a whole (DICOM PS3.5, annex A.5), and that of its content.
DEFLATED, PLAIN = b"1.2.840.10008.1.2.1.99", b"1.2.840.10008.1.2.1"
#: The meta information, which names the transfer syntax, precedes everything else; its first element is its length.
META_BYTES, META_LENGTH_END = 4096, 144
#: The first bytes of a deflated data set are unpacked to find its size; more may follow than the pixels.
HEAD_BYTES, MARGIN_BYTES = 1 << 20, 1 << 16

#: Functions of imagecodecs by transfer syntax: two of lossless JPEG, and JPEG-LS without loss and with little.
CODECS = {
    "1.2.840.10008.1.2.4.57": "jpegsof3_decode",
    "1.2.840.10008.1.2.4.70": "jpegsof3_decode",
    "1.2.840.10008.1.2.4.80": "jpegls_decode",
    "1.2.840.10008.1.2.4.81": "jpegls_decode",
}


def is_deflated(data: bytes) -> bool:
    """Tell whether a file has a deflated data set."""
    return DEFLATED in data[:META_BYTES]


def inflated(data: bytes, check: Callable[[Any], None]) -> bytes:
    """Return a deflated file as a plain one.

    Args:
        data: The file.
        check: Function of the data set without its pixels, which refuses one that is too large.

    Raises:
        UndecodableImage: It unpacks to more bytes than the image that it announces has.
    """
    from pydicom import dcmread  # An extra, loaded when it is needed.

    start = META_LENGTH_END + int.from_bytes(data[META_LENGTH_END - 4 : META_LENGTH_END], "little")
    meta = data[:start].replace(DEFLATED, PLAIN.ljust(len(DEFLATED), b"\0"))
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    head = stream.decompress(data[start:], HEAD_BYTES)
    dataset = dcmread(io.BytesIO(meta + head), stop_before_pixels=True)
    check(dataset)
    rest = stream.decompress(stream.unconsumed_tail, raw_bytes(dataset) + MARGIN_BYTES)
    if stream.unconsumed_tail:
        raise UndecodableImage("the DICOM file unpacks to more bytes than its image has: it is damaged")
    return meta + head + rest


def raw_bytes(dataset: Any) -> int:
    """Return the bytes of all frames of a data set without compression."""
    frames, samples = int(dataset.get("NumberOfFrames") or 1), int(dataset.get("SamplesPerPixel") or 1)
    return frames * int(dataset.Rows) * int(dataset.Columns) * samples * int(dataset.BitsAllocated) // 8


def unpack(dataset: Any) -> None:
    """Replace compressed frames by plain ones, if one of ``CODECS`` reads them.

    Raises:
        UndecodableImage: A frame has other samples than the data set says.
    """
    from pydicom.encaps import generate_frames
    from pydicom.uid import ExplicitVRLittleEndian

    name = CODECS.get(dataset.file_meta.TransferSyntaxUID)
    if name is None:
        return
    decode = getattr(imagecodecs, name)
    count = int(dataset.get("NumberOfFrames") or 1)
    frames = generate_frames(dataset.PixelData, number_of_frames=count)
    dataset.PixelData = b"".join(_plain(decode, frame, dataset) for frame in frames)
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OW", False
    dataset.PlanarConfiguration = 0
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian


def _plain(decode: Callable[[bytes], PixelArray], frame: bytes, dataset: Any) -> bytes:
    """Decode a frame to the bytes that a plain data set has for it."""
    samples, allocated = int(dataset.SamplesPerPixel), int(dataset.BitsAllocated)
    header = jpeg.frame_header(frame)
    if header.samples != samples or header.bits > allocated:
        raise UndecodableImage("the DICOM file has a compressed frame of other samples than it says: it is damaged")
    pixels = decode(frame).astype(f"<u{allocated // 8}")
    if dataset.PixelRepresentation:
        # The sign is that of the stored bits; the codecs know none.
        unused = allocated - int(dataset.BitsStored)
        pixels = (pixels << unused).view(f"<i{allocated // 8}") >> unused
    return pixels.tobytes()
