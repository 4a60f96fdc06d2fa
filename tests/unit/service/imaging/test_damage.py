"""Bytes that are not an image, or not the whole of one, end in our errors and in no other."""

import io
import struct
import warnings
import zipfile
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from service.errors import ImageTooLarge, ServiceError, UndecodableImage, UnsupportedMedia
from service.imaging import ImageFormat, ImageLimits, can_hold, decode, encode, identify
from tests.unit.service.imaging.format_files import files as further_files
from tests.unit.service.imaging.format_files import iso_media, variants
from tests.unit.service.imaging.samples import LIMITS, picture, pillow_file, srgb_profile
from tests.unit.service.imaging.test_metadata import photograph_exif

MUTATIONS = 200
#: The development of a raw file takes ten times as long as any other decoding.
RAW_MUTATIONS = 60


def zip_file() -> bytes:
    """An archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("image.png", "not yet")
    return buffer.getvalue()


FOREIGN = {
    "text": b"BMW: a text that somebody called photo.png",
    "zip": zip_file(),
    "pdf": b"%PDF-1.7\n",
    "html": b"<!doctype html><title>504</title>",
    "empty": b"",
    "one byte": b"\x89",
    "zeros": bytes(100),
}
FOREIGN_IMAGES = {
    "photoshop": b"8BPS\0\1" + bytes(32),
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "icon": pillow_file(Image.new("L", (16, 16)), "ICO"),
    "video": iso_media(b"isom"),
}


def valid_files() -> dict[str, bytes]:
    """A file of each format with everything in it that is parsed."""
    exif, icc = photograph_exif(6), srgb_profile()
    rgb = picture((24, 20, 3), icc=icc, dpi=(72.0, 72.0))
    files = {str(format): encode(rgb, format) for format in ImageFormat if can_hold(rgb, format)}
    pixels = rgb.frames[0]
    files["jpeg of a telephone"] = pillow_file(pixels, "JPEG", exif=exif, icc_profile=icc, progressive=True)
    files["webp of a telephone"] = pillow_file(pixels, "WEBP", exif=exif, icc_profile=icc)
    files["palette png"] = pillow_file(Image.fromarray(pixels).quantize(16), "PNG", exif=exif)
    files["deflated tiff"] = pillow_file(pixels, "TIFF", compression="tiff_adobe_deflate")
    files["lzw tiff"] = pillow_file(pixels, "TIFF", compression="tiff_lzw")
    files["palette bmp"] = pillow_file(Image.fromarray(pixels).quantize(16), "BMP")
    files["float stack"] = encode(picture(*[(9, 8, 4)] * 3, dtype="float32"), ImageFormat.NPY)
    files["float pages"] = encode(picture(*[(9, 8, 4)] * 3, dtype="float32"), ImageFormat.TIFF)
    files["jpeg tiff"] = pillow_file(pixels, "TIFF", compression="jpeg")
    files["lzw ycc tiff"] = pillow_file(Image.fromarray(pixels).convert("YCbCr"), "TIFF", compression="tiff_lzw")
    return files | further_files() | variants()


VALID = valid_files()


@pytest.mark.parametrize("name", FOREIGN | FOREIGN_IMAGES)
def test_what_is_no_image_is_unsupported(name):
    """With the list of what is."""
    with pytest.raises(UnsupportedMedia) as refusal:
        identify((FOREIGN | FOREIGN_IMAGES)[name])
    assert "image/png" in refusal.value.facts["supported"]


@pytest.mark.parametrize("name", FOREIGN)
def test_what_is_called_an_image_and_is_none_is_undecodable(name):
    """The sender's claim is wrong, not our repertoire."""
    with pytest.raises(UndecodableImage, match="declared as png, but is not an image"):
        decode(FOREIGN[name], limits=LIMITS, declared=ImageFormat.PNG)


@pytest.mark.parametrize("name", FOREIGN_IMAGES)
def test_an_image_that_is_not_read_is_unsupported_whatever_it_is_called(name):
    """Its sender can convert it."""
    with pytest.raises(UnsupportedMedia):
        decode(FOREIGN_IMAGES[name], limits=LIMITS, declared=ImageFormat.PNG)


def test_the_content_decides_not_the_label():
    """A JPEG called image/png is a JPEG."""
    image = decode(VALID["jpeg"], limits=LIMITS, declared=ImageFormat.PNG)
    assert image.format is ImageFormat.JPEG


@pytest.mark.parametrize("name", VALID)
def test_every_truncation_is_an_error_of_ours(name):
    """Cut anywhere before the last pixel, no file is returned as if it were whole."""
    data = VALID[name]
    whole = decode(data, limits=LIMITS)
    for length in np.linspace(0, len(data) - 1, 60).astype(int):
        try:
            cut = decode(data[:length], limits=LIMITS)
        except ServiceError:
            continue
        # Only trailers may be missing: PNG's IEND, JPEG's EOI, tags after the pixels of a TIFF.
        assert len(cut.frames) <= len(whole.frames)
        for got, expected in zip(cut.frames, whole.frames, strict=False):
            np.testing.assert_array_equal(got, expected)


def cut_files() -> dict[str, tuple[bytes, int]]:
    """Files of 100 rows, and the bytes of their beginning without pixels."""
    pixels = np.random.default_rng(0).integers(0, 256, (100, 80, 3), "uint8")
    return {
        "png": (pillow_file(pixels, "PNG"), 60),
        "gray png": (pillow_file(pixels[..., 0], "PNG"), 60),
        "1-bit png": (pillow_file(Image.fromarray(pixels[..., 0] > 127), "PNG"), 60),
        "palette png": (pillow_file(Image.fromarray(pixels).quantize(64), "PNG"), 250),
        "bmp": (pillow_file(pixels, "BMP"), 54),
        "tiff": (tiff_of(pixels), 300),
        "deflated tiff": (tiff_of(pixels, compression="zlib", rowsperstrip=4), 600),
    }


def tiff_of(pixels: np.ndarray, **options) -> bytes:
    """A TIFF with its list of pages before the pixels."""
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, metadata=None, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kept", [0.0, 0.2, 0.7])
@pytest.mark.parametrize("name", cut_files())
def test_a_cut_file_says_how_much_of_it_is_there(name, kept):
    """Its sender sees whether the transfer broke off at the beginning or at the end."""
    data, head = cut_files()[name]
    with pytest.raises(UndecodableImage, match=r"incomplete: .*only \d+% of") as refusal:
        decode(data[: head + int(kept * (len(data) - head))], limits=LIMITS)
    assert refusal.value.facts["present"] == pytest.approx(kept, abs=0.08)


@pytest.mark.parametrize("name", VALID)
def test_mutations_decode_and_encode_or_raise_our_errors(name):
    """Seeded: flipped bytes, sometimes cut short; warnings of libraries are not errors."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(RAW_MUTATIONS if name.startswith("dng") else MUTATIONS):
            data = np.frombuffer(VALID[name], np.uint8).copy()
            # Half of the flips hit the first 200 bytes, where the headers are.
            reach = rng.choice([min(200, data.size), data.size])
            data[rng.integers(0, reach, rng.integers(1, 8))] = rng.integers(0, 256)
            if rng.random() < 0.2:
                data = data[: rng.integers(0, data.size)]
            try:
                image = decode(data.tobytes(), limits=LIMITS)
                encode(image, image.format if can_hold(image, image.format) else ImageFormat.TIFF)
            except ServiceError:
                continue


def png_header(width: int, height: int) -> bytes:
    """A PNG that ends after its header."""
    payload = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + payload + struct.pack(">I", zlib.crc32(payload))


def resized(data: bytes, offset: int, layout: str, *size: int) -> bytes:
    """A file with its declared size overwritten."""
    written = struct.pack(layout, *size)
    return data[:offset] + written + data[offset + len(written) :]


def huge_files() -> dict[str, bytes]:
    """Headers of more pixels than Pillow's own limit, over hardly any bytes."""
    jpeg = VALID["jpeg"]
    return {
        "png": png_header(50_000, 50_000),
        "jpeg": resized(jpeg, jpeg.index(b"\xff\xc0") + 5, ">HH", 60_000, 60_000),
        "bmp": resized(VALID["bmp"], 18, "<ii", 60_000, 60_000),
        "webp": resized(VALID["webp"], 24, "<3s3s", b"\xff\x3f\0", b"\xff\x3f\0"),
        "tiff": pillow_header_tiff(60_000),
    }


def pillow_header_tiff(side: int) -> bytes:
    """A TIFF of ImageWidth, ImageLength and little else."""
    tags = [(256, side), (257, side), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, side), (279, side * side)]
    entries = b"".join(struct.pack("<HHII", code, 4, 1, value) for code, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)


@pytest.mark.parametrize("name", ["png", "jpeg", "bmp", "webp", "tiff"])
def test_a_huge_size_is_refused_from_the_header(name):
    """Our limit and our error, not Pillow's; the pixels are never touched."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ResourceWarning)  # of another test, whose garbage is collected here
        with pytest.raises(ImageTooLarge) as refusal:
            decode(huge_files()[name], limits=LIMITS)
    assert refusal.value.facts["limit"] == LIMITS.max_pixels
    assert refusal.value.facts["actual"] > 200_000_000


@pytest.mark.parametrize("format", [each for each in ImageFormat if can_hold(picture((6, 5)), each)])
def test_the_limit_itself_is_allowed(format):
    """One pixel more is not."""
    data = encode(picture((6, 5)), format)
    assert decode(data, limits=ImageLimits(max_pixels=30, max_frames=1)).pixels == 30
    with pytest.raises(ImageTooLarge) as refusal:
        decode(data, limits=ImageLimits(max_pixels=29, max_frames=1))
    assert refusal.value.facts == {"limit": 29, "actual": 30}


def test_running_out_of_memory_is_not_the_senders_fault(monkeypatch):
    """MemoryError passes the border."""

    def exhausted(data: bytes) -> None:
        raise MemoryError

    monkeypatch.setattr("imagecodecs.png_decode", exhausted)
    with pytest.raises(MemoryError):
        decode(VALID["png"], limits=LIMITS)
