"""DICOM, the format of medical devices, through pydicom (the extra ``dicom``)."""

import io
from dataclasses import replace
from typing import Any

from biasfree.pixels import PixelArray
from service.errors import UndecodableImage, UnsupportedMedia
from service.imaging import jp2, jpeg
from service.imaging.bits import depth_in_use
from service.imaging.dicom_padding import with_data
from service.imaging.dicom_unpack import inflated, is_deflated, raw_bytes, unpack
from service.imaging.formats import DICOM_WITHOUT_PREAMBLE as WITHOUT_PREAMBLE
from service.imaging.formats import ImageFormat
from service.imaging.library_errors import silence
from service.imaging.limits import ImageLimits
from service.imaging.metadata import Metadata
from service.imaging.picture import DTYPES, Picture, picture_of

#: The beginning of a file, which some programs leave out (DICOM PS3.10, section 7.1).
PREAMBLE = bytes(128) + b"DICM"
#: A small frame may grow when it is compressed.
MARGIN_BYTES = 4096

#: Elements with pixels that are not integers (DICOM PS3.3, section C.7.6.24).
FLOAT_PIXELS = ("FloatPixelData", "DoubleFloatPixelData")

COLORS = ("MONOCHROME1", "MONOCHROME2", "RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "PALETTE COLOR")


def read(data: bytes, limits: ImageLimits) -> Picture:
    """Decode every frame with its stored values; palettes and YCbCr become RGB, and MONOCHROME1 has 0 as black.

    Pixels with the value of padding have no data. Nothing about the patient is kept: only the pixels are.
    """
    from pydicom.pixels.utils import pixel_array  # An extra, loaded when it is needed.

    silence("pydicom")
    dataset = _dataset(PREAMBLE + data if data.startswith(WITHOUT_PREAMBLE) else data, limits)
    _check_encapsulated(dataset)
    unpack(dataset)
    try:
        samples = pixel_array(dataset)
    except RuntimeError as exc:
        name = getattr(dataset.file_meta.get("TransferSyntaxUID"), "name", "unknown")
        raise UnsupportedMedia(
            f"the DICOM file's pixels cannot be decoded (transfer syntax {name}): convert to explicit little endian",
            supported=["explicit and implicit little endian", "RLE", "JPEG", "JPEG-LS", "JPEG 2000"],
        ) from exc
    visible = with_data(samples, dataset)
    pages = _pages(samples, dataset)
    palette = dataset.PhotometricInterpretation == "PALETTE COLOR"
    bit_depth = None if palette else depth_in_use(pages, int(dataset.BitsStored))
    picture = picture_of(pages, ImageFormat.DICOM, Metadata(), bit_depth=bit_depth)
    return picture if visible is None else replace(picture, with_data=tuple(visible))


def _dataset(data: bytes, limits: ImageLimits) -> Any:
    """Return the data set of a file, after a check of what it announces."""
    from pydicom import dcmread

    if is_deflated(data):
        data = inflated(data, lambda announced: _check(announced, limits))
        dataset = dcmread(io.BytesIO(data))
    else:
        dataset = dcmread(io.BytesIO(data))
        _check(dataset, limits)
    if any(name in dataset for name in FLOAT_PIXELS):
        raise UnsupportedMedia(
            "DICOM images of floats, such as parametric maps, are not supported: save the values as NPY or TIFF",
            supported=["PixelData"],
        )
    if "PixelData" not in dataset:
        raise UndecodableImage("the DICOM file has no image")
    return dataset


def _check(dataset: Any, limits: ImageLimits) -> None:
    """Check the size and the colors that the data set announces."""
    if not dataset.get("Rows") or not dataset.get("Columns"):
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
    frames = int(dataset.get("NumberOfFrames") or 1)
    most_bytes = 2 * raw_bytes(dataset) // frames + MARGIN_BYTES
    for frame in generate_frames(dataset.PixelData, number_of_frames=frames):
        if _encapsulated_size(frame) not in {None, announced} or len(frame) > most_bytes:
            raise UndecodableImage("the DICOM file has a compressed frame of another size than it says")


def _encapsulated_size(frame: bytes) -> tuple[int, int] | None:
    """Return width and height of a JPEG or JPEG 2000 frame; None for other compressions."""
    if frame.startswith(b"\xff\xd8"):
        header = jpeg.frame_header(frame)
        return header.width, header.height
    if frame.startswith(jp2.CODESTREAM):
        codestream = jp2.read_header(frame[: jp2.HEADER_BYTES])
        return codestream.width, codestream.height
    return None


def _pages(samples: PixelArray, dataset: Any) -> list[PixelArray]:
    """Return the frames (H, W) or (H, W, 3) in a dtype of ours."""
    from pydicom.pixels.processing import apply_color_lut

    color = str(dataset.PhotometricInterpretation)
    if color == "PALETTE COLOR":
        samples = apply_color_lut(samples, dataset)
    elif color == "MONOCHROME1":
        samples = _inverted(samples, int(dataset.BitsStored), signed=bool(dataset.PixelRepresentation))
    if samples.dtype.name not in DTYPES:
        raise UnsupportedMedia(f"DICOM images of {samples.dtype} are not supported", supported=list(DTYPES))
    frames = int(dataset.get("NumberOfFrames") or 1)
    shape = samples.shape[1:] if frames > 1 else samples.shape
    return list(samples.reshape(frames, *shape))


def _inverted(samples: PixelArray, bits: int, *, signed: bool) -> PixelArray:
    """Turn values with the least as white into values with the least as black."""
    return (-1 - samples if signed else (1 << bits) - 1 - samples).astype(samples.dtype)
