"""The example for researchers, without a service."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.unit.training.fit.runs import write_photographs

EXAMPLE = Path(__file__).parents[3] / "examples" / "look_inside.py"


def shown(image: Path, output: Path) -> str:
    """Run the example with an address that nobody listens at; return its error."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLE), str(image), str(output)],
        env={**os.environ, "BIASFREE_URL": "http://127.0.0.1:1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    return done.stderr


def test_without_a_service_the_example_says_how_to_start_one(tmp_path: Path) -> None:
    """It makes no folder."""
    image = write_photographs(tmp_path, 1, side=40) / "0.png"
    error = shown(image, tmp_path / "out")
    assert "no service: Cannot reach http://127.0.0.1:1" in error
    assert "`make serve`" in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("pixels", "words"),
    [(np.zeros((40, 40), np.uint16), "more than 8 bits"), (np.zeros((40, 20), np.uint8), "has 20 x 40 pixels")],
)
def test_an_image_that_the_example_cannot_use_is_one_sentence(tmp_path: Path, pixels: np.ndarray, words: str) -> None:
    """It is too deep or too small."""
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert words in shown(tmp_path / "a.png", tmp_path)
