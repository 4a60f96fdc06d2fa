"""Reading and scaling folders of images."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.unit.training.fit.runs import photograph, write_photographs
from training.data.images import read_folder, rescaled


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
