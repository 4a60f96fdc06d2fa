"""Reading and scaling folders of images."""

import hashlib
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.unit.training.fit.runs import photograph, write_photographs
from training.data.images import read_folder, read_image, read_pairs, rescaled


def test_folder_is_read_recursively_in_the_order_of_its_paths(tmp_path: Path) -> None:
    """Files that are not images are skipped."""
    write_photographs(tmp_path / "b", 2)
    write_photographs(tmp_path, 1)
    (tmp_path / "readme.txt").write_text("no image")
    images = read_folder(tmp_path, channels=1)
    assert [image.name for image in images] == ["0.png", "b/0.png", "b/1.png"]
    assert images[0].sha256 == hashlib.sha256((tmp_path / "0.png").read_bytes()).hexdigest()


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
def test_gray_and_color_are_pillows_conversions(tmp_path: Path, channels: int, mode: str) -> None:
    """Images are (H, W, C) uint8 and upright."""
    stored = Image.fromarray(photograph(12, 20, seed=3, channels=3))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    stored.save(tmp_path / "turned.png", exif=exif)
    (image,) = read_folder(tmp_path, channels=channels)
    expected = np.rot90(np.asarray(stored.convert(mode)).reshape(12, 20, channels), -1)
    assert image.pixels.dtype == np.uint8
    assert np.array_equal(image.pixels, expected)


def test_folder_without_images_is_refused(tmp_path: Path) -> None:
    """The message names the folder."""
    with pytest.raises(ValueError, match=str(tmp_path)):
        read_folder(tmp_path, channels=1)


def test_a_rescaled_image_has_its_scale_and_its_mean():
    """Gray and color work alike, and scale 1 returns the image itself."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    half = rescaled(pixels, 0.5)
    assert half.shape == (20, 30, 3)
    assert abs(half.mean() - pixels.mean()) < 2
    assert rescaled(pixels[..., :1], 0.25).shape == (10, 15, 1)
    assert rescaled(pixels, 1) is pixels


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_gray_images_of_sixteen_bits_are_scaled_to_eight(tmp_path: Path, suffix: str) -> None:
    """The range 0 to 65535 becomes 0 to 255, rounded, and neither end is clipped."""
    deep = np.random.default_rng(0).integers(0, 65536, (12, 20), np.uint16)
    deep[0, :2] = 0, 65535
    Image.fromarray(deep).save(tmp_path / f"deep.{suffix}")
    (gray,) = read_folder(tmp_path, channels=1)
    assert gray.pixels.dtype == np.uint8
    assert np.array_equal(gray.pixels[..., 0], np.rint(deep / 257))
    (color,) = read_folder(tmp_path, channels=3)
    assert np.array_equal(color.pixels, gray.pixels.repeat(3, axis=2))


def test_color_images_of_sixteen_bits_are_scaled_to_eight(tmp_path: Path) -> None:
    """Pillow drops the low byte, so that values differ by at most one."""
    deep = np.random.default_rng(0).integers(0, 65536, (12, 20, 3), np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in deep)
    chunks = {b"IHDR": struct.pack(">IIBBBBB", 20, 12, 16, 2, 0, 0, 0), b"IDAT": zlib.compress(rows), b"IEND": b""}
    packed = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks.items()
    ]
    (tmp_path / "deep.png").write_bytes(b"".join([b"\x89PNG\r\n\x1a\n", *packed]))
    pixels = read_image(tmp_path / "deep.png", channels=3).pixels
    assert np.abs(pixels - deep / 257).max() <= 1


@pytest.mark.parametrize(("dtype", "words"), [(np.float32, "has floats"), (np.int32, "has 32-bit integers")])
def test_pixels_without_a_known_white_are_refused(tmp_path: Path, dtype: type, words: str) -> None:
    """The message names the file, and nothing turns black or white."""
    Image.fromarray(np.ones((8, 8), dtype)).save(tmp_path / "deep.tif")
    with pytest.raises(ValueError, match=rf"deep\.tif {words} as pixels"):
        read_folder(tmp_path, channels=1)


@pytest.mark.parametrize("length", [0, 20, 33, 60])
def test_a_damaged_image_among_many_is_named(tmp_path: Path, length: int) -> None:
    """Wherever the file ends."""
    write_photographs(tmp_path, 3)
    whole = (tmp_path / "1.png").read_bytes()
    (tmp_path / "1.png").write_bytes(whole[:length])
    with pytest.raises(ValueError, match=r"cannot read .*1\.png"):
        read_folder(tmp_path, channels=1)


def test_an_image_with_too_many_pixels_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow's limit is a sentence, too."""
    write_photographs(tmp_path, 2)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ValueError, match=r"cannot read .*0\.png: Image size \(576 pixels\) exceeds limit"):
        read_folder(tmp_path, channels=1)


def test_a_missing_folder_is_told_from_an_empty_one(tmp_path: Path) -> None:
    """A file is no folder either."""
    (tmp_path / "file").touch()
    for name, words in (("nowhere", "there is no folder .*nowhere"), ("file", "file is not a folder")):
        with pytest.raises(ValueError, match=words):
            read_folder(tmp_path / name, channels=1)


def test_pairs_of_unequal_size_or_name_are_named(tmp_path: Path) -> None:
    """Before anything is measured on them."""
    write_photographs(tmp_path / "noisy", 2)
    write_photographs(tmp_path / "clean", 2)
    assert [(one.name, other.name) for one, other in read_pairs(tmp_path, channels=1)] == [
        ("0.png",) * 2,
        ("1.png",) * 2,
    ]
    Image.new("L", (24, 30)).save(tmp_path / "clean" / "1.png")
    with pytest.raises(ValueError, match=r"same size, but 1\.png has 24 x 24 pixels in .*noisy and 24 x 30 in .*clean"):
        read_pairs(tmp_path, channels=1)
    (tmp_path / "clean" / "1.png").rename(tmp_path / "clean" / "2.png")
    with pytest.raises(ValueError, match=r"same names; 1\.png is in one of them only"):
        read_pairs(tmp_path, channels=1)
