"""What is made from the code is made from this code, and the example runs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from service.api_reference import reference
from service.app import create_app
from tests.integration.images import photograph

ROOT = Path(__file__).parents[2]


def test_the_reference_is_made_from_the_interface(service):
    """``python -m service.api_reference > docs/api-reference.md`` was run after the last change."""
    made = reference(create_app(service).openapi())
    assert (ROOT / "docs" / "api-reference.md").read_text() == made
    links = set(re.findall(r"\]\(#(\w+)\)", made))
    assert links
    assert links <= {name.lower() for name in re.findall(r"^### (\w+)$", made, re.MULTILINE)}


def test_the_example_denoises_and_looks_inside(server, tmp_path):
    """The noise is found, the PSNR rises, the dimensionality falls, and its figures are there."""
    Image.fromarray(np.rint(255 * photograph(64)).astype(np.uint8)).save(tmp_path / "photo.png")
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "look_inside.py", tmp_path / "photo.png", tmp_path / "out"],
        env={**os.environ, "BIASFREE_URL": server},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rises = [tuple(map(float, found)) for found in re.findall(r"; (\S+) -> (\S+) dB", done.stdout)]
    assert len(rises) == 4
    assert all(before + 3 < after for before, after in rises)
    dimensions = [float(found) for found in re.findall(r"d = (\S+) of", done.stdout)]
    assert dimensions == sorted(dimensions, reverse=True)
    for name in ("denoised", "dimensionality", "analysis"):
        with Image.open(tmp_path / "out" / f"{name}.png") as figure:
            assert np.ptp(np.asarray(figure.convert("L"))) > 100
    assert "singular_values" in np.load(tmp_path / "out" / "analysis.npz")
