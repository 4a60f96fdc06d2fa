"""Small files in the formats that people have: of telephones, cameras, telescopes, hospitals and scripts."""

import io
import struct
from collections.abc import Sequence
from typing import Any

import imagecodecs
import numpy as np
import pillow_heif
import tifffile
from astropy.io import fits
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from biasfree.pixels import PixelArray
from tests.unit.service.imaging.samples import pillow_file

#: DNG tags (Adobe DNG 1.7): version, camera, color filter array, levels, color.
DNG_VERSION, CAMERA, CFA_SIZE, CFA_PATTERN, WHITE_LEVEL, BLACK_LEVEL = 50706, 50708, 33421, 33422, 50717, 50714
COLOR_MATRIX, AS_SHOT_NEUTRAL, ILLUMINANT, ORIENTATION, MAKE = 50721, 50728, 50778, 274, 271
BYTE, ASCII, SHORT, LONG, RATIONAL, SIGNED_RATIONAL, DOUBLE = 1, 2, 3, 4, 5, 10, 12
DAYLIGHT = 21


PLAIN = ExplicitVRLittleEndian
#: Codecs of DICOM's frames, of samples and their bits.
CODECS = {
    JPEGLSLossless: lambda samples, bits: bytes(imagecodecs.jpegls_encode(samples)),
    JPEGLosslessSV1: lambda samples, bits: bytes(imagecodecs.jpeg8_encode(samples, lossless=True, bitspersample=bits)),
}
#: The tags of a TIFF as GDAL writes them: UTM zone 32 north, pixels of half a meter, and -9999 where no data are.
GEOTIFF = [
    (33550, DOUBLE, 3, (0.5, 0.5, 0.0), True),
    (33922, DOUBLE, 6, (0.0, 0.0, 0.0, 500000.0, 6000000.0, 0.0), True),
    (34735, SHORT, 16, (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32632), True),
    (34736, DOUBLE, 2, (6378137.0, 298.257223563), True),
    (34737, ASCII, 0, "WGS 84 / UTM zone 32N|WGS 84|", True),
    (42112, ASCII, 0, '<GDALMetadata>\n  <Item name="AREA">Helgoland</Item>\n</GDALMetadata>', True),
    (42113, ASCII, 0, "-9999", True),
]
#: ImageJ's metadata in tags of its own, for two slices.
IMAGEJ = {
    "Info": "microscope: Grün\nλ=488 nm",
    "Labels": ["nuclei", "membrane"],
    "Ranges": (0.0, 255.0),
    "ROI": b"Iout\x00\xe4" + bytes(58),
    "Properties": {"stage": "7"},
}


def ramp(shape: tuple[int, ...] = (48, 64, 3), dtype: str = "uint8") -> PixelArray:
    """A smooth picture over the whole range of an integer dtype, other in each channel and on each side."""
    height, width = shape[:2]
    most = np.iinfo(dtype).max
    across, down = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    planes = [across, (across + down) / 2, 1 - across, down][: (shape[2:] or (1,))[0]]
    return np.rint(most * np.dstack(planes)).astype(dtype).reshape(shape)


def heic(pixels: PixelArray, **options: Any) -> bytes:
    """A HEIC as telephones write it; uint16 becomes 10 bits."""
    buffer = io.BytesIO()
    if pixels.dtype == np.uint16:
        mode = "RGB;16" if pixels.ndim == 3 else "L;16"
        image = pillow_heif.from_bytes(mode, pixels.shape[1::-1], pixels.tobytes())
    else:
        image = pillow_heif.from_pillow(Image.fromarray(pixels))
    image.save(buffer, **{"quality": 95, "chroma": 444, **options})
    return buffer.getvalue()


def avif(pixels: PixelArray, **options: Any) -> bytes:
    """An AVIF; uint16 becomes 10 bits."""
    if pixels.dtype == np.uint16:
        return bytes(imagecodecs.avif_encode(pixels >> 6, level=95, bitspersample=10, speed=10, numthreads=1))
    return pillow_file(pixels, "AVIF", **{"quality": 95, "subsampling": "4:4:4", "speed": 10, **options})


def jxl(pixels: PixelArray, **options: Any) -> bytes:
    """A lossless JPEG XL."""
    return bytes(imagecodecs.jpegxl_encode(pixels, lossless=True, effort=1, numthreads=1, **options))


def jp2(pixels: PixelArray, **options: Any) -> bytes:
    """A lossless JPEG 2000."""
    return bytes(imagecodecs.jpeg2k_encode(pixels, level=0, reversible=True, **options))


def fits_file(pixels: PixelArray, **cards: Any) -> bytes:
    """A FITS with one image."""
    hdu = fits.PrimaryHDU(pixels)
    hdu.header.update(cards)
    buffer = io.BytesIO()
    hdu.writeto(buffer)
    return buffer.getvalue()


def dicom(
    pixels: PixelArray, *, color: str | None = None, frames: int = 1, bits: int = 0, syntax: UID = PLAIN
) -> bytes:
    """A DICOM with these stored values, (H, W), (H, W, 3) or (Z, H, W)."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
    dataset.PatientName = "Secret^Person"
    samples = 3 if pixels.ndim == 3 and frames == 1 else 1
    dataset.Rows, dataset.Columns = pixels.shape[-2:] if samples == 1 else pixels.shape[:2]
    dataset.SamplesPerPixel = samples
    dataset.PhotometricInterpretation = color or ("RGB" if samples == 3 else "MONOCHROME2")
    if samples == 3:
        dataset.PlanarConfiguration = 0
    if frames > 1:
        dataset.NumberOfFrames = frames
    dataset.BitsAllocated = 8 * pixels.dtype.itemsize
    dataset.BitsStored = bits or dataset.BitsAllocated
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.PixelData = pixels.tobytes()
    dataset["PixelData"].VR = "OW"
    if syntax == RLELossless:
        dataset.compress(RLELossless)
    elif syntax in CODECS:
        shown = list(pixels) if frames > 1 else [pixels]
        stored = [
            (each.astype(int) & ((1 << dataset.BitsStored) - 1)).astype(f"u{pixels.dtype.itemsize}") for each in shown
        ]
        dataset.PixelData = encapsulate([CODECS[syntax](each, dataset.BitsStored) for each in stored])
        dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    meta.TransferSyntaxUID = syntax
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def dng(mosaic: PixelArray, *, orientation: int = 1, thumbnail: bool = False, more: Sequence[Any] = ()) -> bytes:
    """A raw file of a camera whose as-shot neutral is (0.5, 1, 0.6), 12 bits, RGGB; the thumbnail is the first page."""
    tags = {tag for tag, *_ in more}
    neutral = (5, 10, 10, 10, 6, 10)
    identity = (1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1)
    camera = [
        *more,
        (DNG_VERSION, BYTE, 4, (1, 4, 0, 0), True),
        (CAMERA, ASCII, 0, "Test Camera", True),
        *([] if MAKE in tags else [(MAKE, ASCII, 0, "Test", True)]),
        (ORIENTATION, SHORT, 1, orientation, True),
        (COLOR_MATRIX, SIGNED_RATIONAL, 9, identity, True),
        (AS_SHOT_NEUTRAL, RATIONAL, 3, neutral, True),
        (ILLUMINANT, SHORT, 1, DAYLIGHT, True),
    ]
    levels = [
        (CFA_SIZE, SHORT, 2, (2, 2), True),
        (CFA_PATTERN, BYTE, 4, (0, 1, 1, 2), True),
        (WHITE_LEVEL, LONG, 1, 4095, True),
        (BLACK_LEVEL, SHORT, 1, 64, True),
    ]
    options: dict[str, Any] = {"metadata": None, "software": False}
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as tif:
        if thumbnail:
            small = ramp((16, 24, 3))
            tif.write(small, photometric="rgb", subfiletype=1, subifds=1, extratags=camera, **options)
            tif.write(mosaic, photometric="cfa", extratags=levels, **options)
        else:
            tif.write(mosaic, photometric="cfa", extratags=[*camera, *levels], **options)
    return buffer.getvalue()


def mosaic(height: int = 64, width: int = 96) -> PixelArray:
    """The sensor's view of a gray ramp in light of that neutral: red at half, blue at 0.6 of green."""
    light = np.linspace(200, 3500, width)[np.newaxis] * np.ones((height, 1))
    filters = np.array([[0.5, 1], [1, 0.6]])
    sensed = 64 + light * np.tile(filters, (height // 2, width // 2))
    return np.rint(sensed).astype(np.uint16)


def nef_like(compression: int = 34713) -> bytes:
    """A file as Nikon and Sony write it: a thumbnail as the first page of a TIFF, and raw data that no one can read."""
    thumbnail = io.BytesIO()
    with tifffile.TiffWriter(thumbnail) as tif:
        tif.write(ramp((16, 24, 3)), photometric="rgb", subfiletype=1, subifds=1, metadata=None, software=False)
        tif.write(mosaic(32, 32), photometric="minisblack", metadata=None, software=False)
    data = bytearray(thumbnail.getvalue())
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as tif:
        tag = tif.pages[0].pages[0].tags["Compression"]
    data[tag.valueoffset : tag.valueoffset + 2] = struct.pack("<H", compression)
    return bytes(data)


def iso_media(brand: bytes) -> bytes:
    """The first box of an ISO media file, and a box of no meaning."""
    return struct.pack(">I4s4sI4s", 20, b"ftyp", brand, 0, brand) + struct.pack(">I4s", 16, b"free") + bytes(8)


def gif(pixels: PixelArray, *more: PixelArray, **options: Any) -> bytes:
    """A GIF of one or more frames."""
    frames = [Image.fromarray(each) for each in more]
    return pillow_file(pixels, "GIF", save_all=bool(frames), append_images=frames, **options)


def animation(format: str, *frames: PixelArray) -> bytes:
    """Frames of color as one animation."""
    if format == "JPEG XL":
        return bytes(imagecodecs.jpegxl_encode(np.stack(frames), lossless=True, photometric="rgb"))
    first, *more = (Image.fromarray(frame) for frame in frames)
    options = {"WEBP": {"lossless": True}, "AVIF": {"quality": 100, "subsampling": "4:4:4"}}.get(format.upper(), {})
    return pillow_file(first, format.upper(), save_all=True, append_images=more, **options)


def mpo(*pictures: Image.Image, kind: int = 0) -> bytes:
    """A JPEG with several pictures, as stereo cameras write it; the further ones are of a kind of CIPA DC-007."""
    data = pillow_file(pictures[0], "MPO", save_all=True, append_images=pictures[1:])
    # Entries of 16 bytes end the index; the first one is of this kind.
    at = data.index(b"MPF\0")
    second = data.rindex(struct.pack("<I", 0x030000), at, at + 66 + 16 * len(pictures)) + 16
    return data[:second] + struct.pack("<I", kind) + data[second + 4 :]


def files() -> dict[str, bytes]:
    """An intact file of every further kind, 16 to 96 pixels wide."""
    gray8, rgb8, rgba8 = ramp((33, 48)), ramp((32, 40, 3)), ramp((24, 32, 4))
    gray16, rgb16 = ramp((24, 40), "uint16"), ramp((24, 40, 3), "uint16")
    stack = np.stack([ramp((16, 18), "uint16")] * 3)
    return {
        "heic": heic(rgb8),
        "heic gray": heic(gray8),
        "heic alpha": heic(rgba8),
        "heic 10 bit": heic(rgb16),
        "avif": avif(rgb8),
        "avif gray": avif(gray8),
        "avif alpha": avif(rgba8),
        "avif 10 bit": avif(rgb16),
        "jxl": jxl(rgb8),
        "jxl 16 bit": jxl(gray16),
        "jxl container": jxl(rgba8, usecontainer=True),
        "jp2": jp2(rgb8, codecformat="jp2"),
        "jp2 codestream": jp2(gray8, codecformat="j2k"),
        "jp2 12 bit": jp2(gray16 >> 4, bitspersample=12),
        "ppm": pillow_file(rgb8, "PPM"),
        "pgm 16 bit": b"P5 40 24 65535\n" + gray16.astype(">u2").tobytes(),
        "pgm plain": b"P2\n# a comment\n48 33\n255\n"
        + b"\n".join(b" ".join(b"%d" % v for v in row) for row in gray8[:, ::-1]),
        "pbm": b"P4\n48 33\n" + np.packbits(gray8 < 128, axis=1).tobytes(),
        "pam": b"P7\nWIDTH 32\nHEIGHT 24\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n" + rgba8.tobytes(),
        "pfm": b"Pf\n48 33\n-1.0\n" + gray8.astype("<f4").tobytes(),
        "gif": gif(gray8),
        "gif color, frames": gif(rgb8, rgb8[::-1]),
        "dng": dng(mosaic()),
        "dng thumbnail": dng(mosaic(), thumbnail=True),
        "fits": fits_file(gray16.astype(np.float32)),
        "fits cube": fits_file(stack),
        "dicom": dicom(gray16 >> 4, bits=12),
        "dicom frames": dicom(stack, frames=3),
        "dicom rle color": dicom(rgb8, syntax=RLELossless),
        "dicom deflated": dicom(gray16, syntax=DeflatedExplicitVRLittleEndian),
        "dicom jpeg-ls": dicom(gray16 >> 4, bits=12, syntax=JPEGLSLossless),
        "dicom lossless jpeg": dicom(stack, frames=3, syntax=JPEGLosslessSV1),
    }


def variants() -> dict[str, bytes]:
    """An intact file of further kinds of the formats that everyone has: what is inside them is unusual."""
    rgb8, wide = ramp((32, 40, 3)), ramp((24, 40)).astype(np.int32) - 1000
    jpeg = pillow_file(rgb8, "JPEG", restart_marker_rows=1)
    npy = io.BytesIO()
    np.save(npy, wide)
    return {
        "png animated": animation("PNG", rgb8, rgb8[::-1]),
        "webp animated": animation("WebP", rgb8, rgb8[::-1]),
        "avif animated": animation("AVIF", rgb8, rgb8[::-1]),
        "jxl animated": animation("JPEG XL", rgb8, rgb8[::-1]),
        "jxl of a jpeg": bytes(imagecodecs.jpegxl_encode_jpeg(jpeg, numthreads=1)),
        "jpeg with restarts": jpeg,
        "jpeg cmyk": pillow_file(Image.fromarray(rgb8).convert("CMYK"), "JPEG"),
        "mpo": mpo(Image.fromarray(rgb8), Image.fromarray(rgb8[::-1])),
        "npy int32": npy.getvalue(),
        "tiff int32": tiff(wide),
        "tiff webp": tiff(rgb8, compression="webp", tile=(16, 16), photometric="rgb"),
        "tiff on a map": tiff(wide.astype(np.float32), byteorder=">", bigtiff=True, metadata=None, extratags=GEOTIFF),
        "tiff of imagej": tiff(
            np.stack([ramp((24, 40))] * 2), byteorder=">", imagej=True, metadata={"axes": "ZYX", **IMAGEJ}
        ),
        "fits with blank": fits_file(ramp((24, 40)).astype(np.int16), BLANK=-32768),
        "tiff jpeg 2000": tiff(rgb8, compression="jpeg2000", tile=(16, 16), photometric="rgb"),
    }


def tiff(pixels: PixelArray, **options: Any) -> bytes:
    """A TIFF of one page."""
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, **options)
    return buffer.getvalue()
