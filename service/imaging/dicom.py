"""DICOM, the format of medical devices, through pydicom (the extra ``dicom``)."""

import io
from typing import Any

import numpy as np

from biasfree.pixels import PixelArray
from service.errors import UndecodableImage, UnsupportedMedia
from service.imaging import jp2
from service.imaging.formats import ImageFormat
from service.imaging.library_errors import silence
from service.imaging.limits import ImageLimits
from service.imaging.metadata import Metadata
from service.imaging.picture import DTYPES, Picture, picture_of
from service.imaging.tiff_ycbcr import jpeg_size

#: The whole data set is compressed, without a size in advance (DICOM PS3.5, annex A.5).
DEFLATED = b"1.2.840.10008.1.2.1.99"
#: The meta information, which names the transfer syntax, precedes everything else.
META_BYTES = 4096

#: A small frame may grow when it is compressed.
MARGIN_BYTES = 4096

COLORS = ("MONOCHROME1", "MONOCHROME2", "RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "PALETTE COLOR")


def read(data: bytes, limits: ImageLimits) -> Picture:
    """Decode every frame with its stored values; palettes and YCbCr become RGB, and MONOCHROME1 has 0 as black.

    Nothing about the patient is kept: only the pixels are.
    """
    from pydicom import dcmread  # An extra, loaded when it is needed.
    from pydicom.pixels.utils import pixel_array

    silence("pydicom")
    if DEFLATED in data[:META_BYTES]:
        raise UnsupportedMedia(
            "DICOM files with a deflated data set are not supported: convert to explicit little endian",
            supported=["explicit and implicit little endian"],
        )
    dataset = dcmread(io.BytesIO(data))
    _check(dataset, limits)
    _check_encapsulated(dataset)
    try:
        samples = pixel_array(dataset)
    except RuntimeError as exc:
        name = getattr(dataset.file_meta.get("TransferSyntaxUID"), "name", "unknown")
        raise UnsupportedMedia(
            f"the DICOM file's pixels cannot be decoded (transfer syntax {name}): convert to explicit little endian",
            supported=["explicit and implicit little endian", "RLE", "JPEG baseline", "JPEG 2000"],
        ) from exc
    return picture_of(_pages(samples, dataset), ImageFormat.DICOM, Metadata())


def _check(dataset: Any, limits: ImageLimits) -> None:
    """Check the size and the colors that the data set announces."""
    if "PixelData" not in dataset or not dataset.get("Rows") or not dataset.get("Columns"):
        raise UndecodableImage("the DICOM file has no image")
    frames = int(dataset.get("NumberOfFrames") or 1)
    limits.check(pixels=frames * int(dataset.Rows) * int(dataset.Columns), frames=frames)
    color, samples = str(dataset.get("PhotometricInterpretation")), int(dataset.get("SamplesPerPixel") or 1)
    if color not in COLORS or samples not in {1, 3}:
        raise UnsupportedMedia(
            f"DICOM images of {samples} samples in {color} are not supported", supported=list(COLORS)
        )


def _check_encapsulated(dataset: Any) -> None:
    """Refuse compressed frames that announce other sizes than the data set: a decoder would allocate them."""
    from pydicom.encaps import generate_frames

    if not dataset.file_meta.TransferSyntaxUID.is_compressed:
        return
    announced = int(dataset.Columns), int(dataset.Rows)
    raw_bytes = announced[0] * announced[1] * int(dataset.SamplesPerPixel) * int(dataset.BitsAllocated) // 8
    frames = int(dataset.get("NumberOfFrames") or 1)
    for frame in generate_frames(dataset.PixelData, number_of_frames=frames):
        if _encapsulated_size(frame) not in {None, announced} or len(frame) > 2 * raw_bytes + MARGIN_BYTES:
            raise UndecodableImage("the DICOM file has a compressed frame of another size than it says")


def _encapsulated_size(frame: bytes) -> tuple[int, int] | None:
    """Return width and height of a JPEG or JPEG 2000 frame; None for other compressions."""
    if frame.startswith(b"\xff\xd8"):
        return jpeg_size(frame)
    if frame.startswith(jp2.CODESTREAM):
        header = jp2.read_header(frame[: jp2.HEADER_BYTES])
        return header.width, header.height
    return None


def _pages(samples: PixelArray, dataset: Any) -> list[PixelArray]:
    """Return the frames (H, W) or (H, W, 3) in a dtype of ours."""
    from pydicom.pixels.processing import apply_color_lut

    color = str(dataset.PhotometricInterpretation)
    if color == "PALETTE COLOR":
        samples = apply_color_lut(samples, dataset)
    elif color == "MONOCHROME1":
        samples = _inverted(samples, int(dataset.BitsStored), signed=bool(dataset.PixelRepresentation))
    if samples.dtype == np.int8:
        samples = samples.astype(np.int16)
    if samples.dtype.name not in DTYPES:
        raise UnsupportedMedia(f"DICOM images of {samples.dtype} are not supported", supported=list(DTYPES))
    frames = int(dataset.get("NumberOfFrames") or 1)
    shape = samples.shape[1:] if frames > 1 else samples.shape
    return list(samples.reshape(frames, *shape))


def _inverted(samples: PixelArray, bits: int, *, signed: bool) -> PixelArray:
    """Turn values with the least as white into values with the least as black."""
    return (-1 - samples if signed else (1 << bits) - 1 - samples).astype(samples.dtype)
