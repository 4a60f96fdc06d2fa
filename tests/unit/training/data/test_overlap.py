"""Images to measure on are never trained on, under any file name and however they were cut."""

import io
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image, ImageOps

from training.data.images import NamedImage
from training.data.overlap import overlapping
from training.fit.checkpoint import Checkpoint
from training.fit.recipe import read_recipe
from training.fit.run import run

PHOTOGRAPHS = ("camera", "coins", "moon", "page")


def named(pixels: np.ndarray, name: str = "x") -> NamedImage:
    """Return an image (H, W) or (H, W, C) with a name."""
    return NamedImage(name, pixels.reshape(*pixels.shape[:2], -1), name)


def photographs() -> list[NamedImage]:
    """Return different photographs."""
    return [named(getattr(skimage.data, name)(), name) for name in PHOTOGRAPHS]


def names(images: list[NamedImage]) -> list[str]:
    """Return the names of images."""
    return [image.name for image in images]


@pytest.mark.parametrize(("top", "left", "side"), [(37, 91, 256), (0, 0, 300), (201, 130, 64)])
def test_a_crop_is_found_in_its_photograph(top, left, side):
    """It is found wherever it was cut, and in no other photograph."""
    crop = skimage.data.camera()[top : top + side, left : left + side]
    assert names(overlapping(photographs(), [named(crop)])) == ["camera"]


def test_a_photograph_is_found_when_it_was_saved_as_jpeg():
    """File and pixels differ, but the picture is the same."""
    buffer = io.BytesIO()
    Image.fromarray(skimage.data.coins()).save(buffer, "JPEG", quality=50)
    assert names(overlapping(photographs(), [named(np.asarray(Image.open(buffer)))])) == ["coins"]


def test_other_photographs_are_not_found():
    """Images too small to compare are not found either."""
    cat = np.asarray(ImageOps.grayscale(Image.fromarray(skimage.data.chelsea())))
    thumbnail = skimage.data.camera()[:40, :40]
    assert overlapping(photographs(), [named(cat), named(thumbnail)]) == []


def test_colors_are_compared_as_gray():
    """A gray crop of a color photograph is found."""
    cat = skimage.data.chelsea()
    crop = np.asarray(ImageOps.grayscale(Image.fromarray(cat)))[20:276, 100:356]
    assert names(overlapping([named(cat, "cat"), *photographs()], [named(crop)])) == ["cat"]


def test_a_run_leaves_out_what_shows_what_it_is_measured_on(tmp_path: Path) -> None:
    """By its hash alone it would be trained on."""
    images, validation = tmp_path / "images", tmp_path / "validation"
    for folder in (images, validation):
        folder.mkdir()
    for name in PHOTOGRAPHS:
        Image.fromarray(getattr(skimage.data, name)()).save(images / f"{name}.png")
    Image.fromarray(skimage.data.camera()[100:356, 60:316]).save(validation / "crop.png")
    recipe = read_recipe("gray").model_copy(
        update={"arguments": {"channels": 1, "widths": [2], "bottom_blocks": 1}, "steps": 1, "minutes": None}
    )
    run(
        recipe,
        images=images,
        output=tmp_path / "run",
        validation=validation,
        start_from=None,
        validate_every=1,
        checkpoint_every_s=60,
        device="cpu",
    )
    checkpoint = Checkpoint.load(tmp_path / "run")
    assert checkpoint is not None
    assert sorted(checkpoint.images) == ["coins.png", "moon.png", "page.png"]
