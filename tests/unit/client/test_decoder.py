"""The client's decoder, compared with the service's over files of many kinds."""

import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from biasfree_client import UnsupportedImage
from biasfree_client._files import decode
from service.imaging.decode import decode as decode_as_the_service
from service.imaging.limits import ImageLimits

RANDOM = np.random.default_rng(0)
LIMITS = ImageLimits(max_pixels=1_000_000, max_frames=16)
EIGHT = RANDOM.integers(0, 256, (9, 14), np.uint8)
SIXTEEN = RANDOM.integers(0, 65536, (9, 14), np.uint16)
COLOR = RANDOM.integers(0, 256, (9, 14, 3), np.uint8)
ALPHA = RANDOM.integers(0, 256, (9, 14, 4), np.uint8)


def tiff(pixels, *, tags=(), **options) -> bytes:
    """Write a TIFF with tifffile."""
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        file.write(pixels, extratags=tags, metadata=None, **options)
    return buffer.getvalue()


def turned(orientation: int):
    """Return the tag of an orientation."""
    return [(274, "H", 1, orientation, True)]


def packed(bits: int) -> bytes:
    """Write a TIFF whose samples have fewer than 8 bits, as tifffile cannot."""
    width, height = 16, 9
    samples = RANDOM.integers(0, 2**bits, (height, width))
    rows = ["".join(f"{value:0{bits}b}" for value in row) for row in samples]
    data = b"".join(int(row, 2).to_bytes(len(row) // 8, "big") for row in rows)
    entries = [(256, 3, width), (257, 3, height), (258, 3, bits), (259, 3, 1), (262, 3, 0), (273, 4, 8)]
    entries += [(277, 3, 1), (278, 3, height), (279, 4, len(data))]
    directory = struct.pack("<H", len(entries))
    for tag, kind, value in entries:
        directory += struct.pack("<HHI", tag, kind, 1) + struct.pack("<I", value)
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + directory + struct.pack("<I", 0)


def pillow(format_: str, pixels, *, mode=None, orientation=None, **options) -> bytes:
    """Write a file with Pillow."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    if mode:
        image = image.convert(mode)
    if orientation:
        exif = Image.Exif()
        exif[274] = orientation
        options["exif"] = exif
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def gray_palette() -> Image.Image:
    """Return an image with a palette of grays."""
    image = Image.fromarray(EIGHT // 16).convert("P")
    image.putpalette([each for value in range(256) for each in (255 - value,) * 3])
    return image


def npy(pixels) -> bytes:
    """Write an NPY file."""
    buffer = io.BytesIO()
    np.save(buffer, pixels)
    return buffer.getvalue()


def with_header(png: bytes, kind: bytes, payload: bytes) -> bytes:
    """Put a chunk behind the header of a PNG."""
    chunk = struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))
    return png[:33] + chunk + png[33:]


FILES = {
    "miniswhite 8": tiff(EIGHT, photometric="miniswhite"),
    "miniswhite 16": tiff(SIXTEEN, photometric="miniswhite"),
    **{f"miniswhite {bits} bits": packed(bits) for bits in (1, 2, 4)},
    **{f"tiff orientation {each}": tiff(COLOR, photometric="rgb", tags=turned(each)) for each in range(1, 9)},
    "miniswhite turned": tiff(EIGHT, photometric="miniswhite", tags=turned(6)),
    "orientation 0": tiff(EIGHT, photometric="minisblack", tags=turned(0)),
    "tiff stack": tiff(np.stack([SIXTEEN, SIXTEEN[::-1]]), photometric="minisblack"),
    "tiff color stack": tiff(np.stack([COLOR, COLOR[::-1]]), photometric="rgb"),
    "tiff planar": tiff(np.moveaxis(COLOR, 2, 0).copy(), photometric="rgb", planarconfig="separate"),
    "tiff alpha": tiff(ALPHA, photometric="rgb", extrasamples=["unassalpha"]),
    "tiff two stains": tiff(ALPHA[..., :2].copy(), photometric="minisblack", extrasamples=["unspecified"]),
    "tiff gray alpha": tiff(ALPHA[..., :2].copy(), photometric="minisblack", extrasamples=["unassalpha"]),
    "tiff three stains": tiff(COLOR, photometric="minisblack", extrasamples=["unspecified"] * 2, planarconfig="contig"),
    "tiff infrared and alpha": tiff(
        np.dstack([COLOR, EIGHT, EIGHT]), photometric="rgb", extrasamples=["unspecified", "unassalpha"]
    ),
    "tiff infrared": tiff(ALPHA, photometric="rgb", extrasamples=["unspecified"]),
    "tiff deflate": tiff(SIXTEEN, compression="zlib", predictor=True),
    "tiff big-endian": pillow("TIFF", Image.fromarray(SIXTEEN.astype(">u2"))),
    **{f"tiff {name}": tiff(SIXTEEN.astype(name)) for name in ("int16", "float16", "float32", "float64")},
    "tiff palette": pillow("TIFF", COLOR, mode="P"),
    "tiff gray palette": pillow("TIFF", gray_palette()),
    "tiff cmyk": pillow("TIFF", COLOR, mode="CMYK"),
    "tiff 1 bit": pillow("TIFF", EIGHT, mode="1"),
    "png gray": pillow("PNG", EIGHT),
    "png 16": pillow("PNG", Image.fromarray(SIXTEEN)),
    "png color": pillow("PNG", COLOR),
    "png alpha": pillow("PNG", ALPHA),
    "png gray alpha": pillow("PNG", ALPHA[..., :2].copy()),
    "png 1 bit": pillow("PNG", EIGHT, mode="1"),
    "png 4 bits": pillow("PNG", gray_palette(), bits=4),
    "png palette": pillow("PNG", COLOR, mode="P"),
    "png key": pillow("PNG", EIGHT, transparency=7),
    **{f"png orientation {each}": pillow("PNG", COLOR, orientation=each) for each in (1, 3, 6, 8)},
    **{f"jpeg orientation {each}": pillow("JPEG", COLOR, orientation=each) for each in range(1, 9)},
    "jpeg gray": pillow("JPEG", EIGHT),
    "jpeg cmyk": pillow("JPEG", COLOR, mode="CMYK"),
    "jpeg progressive": pillow("JPEG", COLOR, progressive=True),
    "webp lossy": pillow("WEBP", COLOR),
    "webp lossless alpha": pillow("WEBP", ALPHA, lossless=True, exact=True),
    "webp orientation 6": pillow("WEBP", COLOR, orientation=6),
    "bmp": pillow("BMP", COLOR),
    "bmp gray": pillow("BMP", EIGHT),
    "bmp 1 bit": pillow("BMP", EIGHT, mode="1"),
    "bmp palette": pillow("BMP", COLOR, mode="P"),
    "bmp alpha": pillow("BMP", ALPHA),
    "bmp alpha 0": pillow("BMP", np.dstack([COLOR, 0 * EIGHT])),
    "npy": npy(SIXTEEN),
    "npy color": npy(COLOR),
    "npy alpha": npy(ALPHA),
    "npy stack": npy(np.zeros((3, 9, 14), np.float32)),
    "npy big-endian": npy(SIXTEEN.astype(">u2")),
    "leading zeros": bytes(12) + pillow("PNG", COLOR),
    "damaged exif": with_header(pillow("PNG", EIGHT), b"eXIf", b"II*\0nonsense"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_read_as_the_service_reads_it(name):
    """Pixels, dtype, shape and alpha are the same."""
    picture = decode_as_the_service(FILES[name], limits=LIMITS)
    found = decode(FILES[name])
    frames = [np.squeeze(picture.samples(index), 2) if picture.samples(index).shape[2] == 1 else picture.samples(index)
              for index in range(len(picture.frames))]  # fmt: skip
    expected = np.stack(frames) if len(frames) > 1 else frames[0]
    assert found.pixels.dtype == expected.dtype
    np.testing.assert_array_equal(found.pixels, expected)
    assert found.alpha == picture.has_alpha


def test_animations_are_refused_as_by_the_service():
    """One frame of several would be a guess."""
    frames = [Image.fromarray(COLOR), Image.fromarray(COLOR[::-1].copy())]
    for format_ in ("PNG", "WEBP"):
        with pytest.raises(UnsupportedImage, match="animated"):
            decode(pillow(format_, frames[0], save_all=True, append_images=frames[1:]))
