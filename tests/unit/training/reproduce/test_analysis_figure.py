"""The example figure of an analysis."""

from pathlib import Path

import numpy as np
from PIL import Image
from typer.testing import CliRunner

from training.cli import app

ROOT = Path(__file__).parents[4]


def test_the_example_of_the_documents_is_drawn(tmp_path: Path) -> None:
    """It is the picture in the documentation, up to rounding."""
    output = tmp_path / "analysis.png"
    answer = CliRunner().invoke(app, ["analysis-figure", "--output", str(output)])
    assert answer.exit_code == 0, answer.output
    with Image.open(output) as drawn, Image.open(ROOT / "docs" / "images" / "analysis.png") as kept:
        assert drawn.size == kept.size
        difference = np.asarray(drawn.convert("L"), float) - np.asarray(kept.convert("L"), float)
    assert np.abs(difference).mean() < 2
