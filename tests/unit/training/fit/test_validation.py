"""The images kept out of training, and the measurement on them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from tests.unit.training.fit.runs import photograph, write_photographs
from training.evaluate.metrics import add_noise, psnr_db
from training.fit.validation import SIDE, Validation, split


def test_no_file_is_trained_on_and_measured(tmp_path: Path) -> None:
    """A copy under another name is found by its content."""
    images = write_photographs(tmp_path / "images", 5)
    validation = tmp_path / "validation"
    validation.mkdir()
    (validation / "other name.png").write_bytes((images / "2.png").read_bytes())
    trained, measured = split(images, validation, channels=1)
    assert [image.name for image in trained] == ["0.png", "1.png", "3.png", "4.png"]
    assert [pair.name for pair in measured] == ["other name.png"]


def test_real_pairs_are_measured_as_they_are(tmp_path: Path) -> None:
    """And neither side is trained on."""
    images = write_photographs(tmp_path / "images", 4)
    for kind, seed in (("noisy", 1), ("clean", 50)):
        write_photographs(tmp_path / "pairs" / kind, 1, seed=seed)
    trained, (pair,) = split(images, tmp_path / "pairs", channels=1)
    assert [image.name for image in trained] == ["0.png", "2.png", "3.png"]
    expected = psnr_db(pair.clean, pair.noisy)
    assert Validation([pair], device=torch.device("cpu"))(nn.Identity()) == pytest.approx(expected, abs=1e-5)
    (tmp_path / "pairs" / "clean" / "0.png").rename(tmp_path / "pairs" / "clean" / "other.png")
    with pytest.raises(ValueError, match="same names"):
        split(images, tmp_path / "pairs", channels=1)


def test_without_a_validation_folder_some_images_are_held_out(tmp_path: Path) -> None:
    """Their copies are held out too."""
    images = write_photographs(tmp_path, 17)
    (images / "16.png").write_bytes((images / "0.png").read_bytes())
    trained, measured = split(images, None, channels=1)
    assert len(measured) == 4
    assert not {image.name for image in trained} & {pair.name for pair in measured}
    assert "16.png" not in {image.name for image in trained}


@pytest.mark.parametrize(("count", "held_out"), [(2, 1), (4, 1), (23, 5), (32, 8), (71, 8)])
def test_at_most_eight_images_and_a_quarter_are_held_out(tmp_path: Path, count: int, held_out: int) -> None:
    """From 64 images on they are the first of every eighth of the folder."""
    images = write_photographs(tmp_path, count)
    _, measured = split(images, None, channels=1)
    assert len(measured) == held_out
    if count >= 64:
        names = sorted(path.name for path in images.iterdir())
        assert [pair.name for pair in measured] == names[:: count // 8][:8]


def test_pairs_of_unequal_size_are_found_before_the_training(tmp_path: Path) -> None:
    """The message names the pair."""
    images = write_photographs(tmp_path / "images", 3)
    write_photographs(tmp_path / "pairs" / "noisy", 1, seed=50)
    write_photographs(tmp_path / "pairs" / "clean", 1, seed=60, side=30)
    with pytest.raises(ValueError, match=r"0\.png has 24 x 24 pixels in .*noisy and 30 x 30 in .*clean"):
        split(images, tmp_path / "pairs", channels=1)


def test_images_that_are_all_measured_leave_nothing_to_train_on(tmp_path: Path) -> None:
    """The message says how many are left out, and why."""
    images = write_photographs(tmp_path, 3)
    with pytest.raises(ValueError, match=r"all 3 image\(s\) in .* are left out of training, because the validation"):
        split(images, images, channels=1)


def test_validation_measures_central_crops_and_restores_the_mode(tmp_path: Path) -> None:
    """The identity network has the PSNR of the noisy crops."""
    pixels = photograph(SIDE + 10, SIDE + 20, seed=0)
    (tmp_path / "clean").mkdir()
    Image.fromarray(pixels[..., 0]).save(tmp_path / "clean" / "a.png")
    images = write_photographs(tmp_path / "images", 2)
    network = nn.Identity().train()
    _, pairs = split(images, tmp_path / "clean", channels=1)
    measured = Validation(pairs, device=torch.device("cpu"))(network)
    clean = pixels[5:-5, 10:-10].astype(np.float32) / np.float32(255)
    assert measured == pytest.approx(psnr_db(clean, add_noise(clean, sigma_255=25, index=0)), abs=1e-5)
    assert network.training
