"""The page of measured quality."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from biasfree.artifact import SHIPPED
from biasfree.classical import METHODS
from tests.unit.training.fit.runs import write_photographs
from training.data.images import read_folder
from training.evaluate.onnx_model import OnnxDenoiser
from training.evaluate.quality import SIGMAS_255, quality
from training.evaluate.robustness import measure
from training.evaluate.robustness.cases import CASES
from training.evaluate.robustness.ensembles import CASE
from training.evaluate.scores import evaluate


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the page for a small photograph, and return the folder of both; one case stands for all."""
    place = tmp_path_factory.mktemp("quality")
    images = write_photographs(place / "photographs", 1, side=32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "CASES", {CASE: CASES[CASE]})
        quality(
            gray=images,
            color=images,
            output=place / "docs" / "quality.md",
            console=Console(quiet=True),
            sigmas_255=(0.0, 25.0),
        )
    return place


def rows(page: str) -> dict[str, list[str]]:
    """Return the cells by label; a label in several tables gets the cells of all."""
    found: dict[str, list[str]] = {}
    for line in re.findall(r"^\| (.*) \|$", page, re.MULTILINE):
        label, *cells = line.split(" | ")
        found.setdefault(label, []).extend(cells)
    return found


def test_every_shipped_model_and_every_classical_denoiser_is_measured(folder):
    """The page has PSNR and SSIM for gray and color."""
    found = rows((folder / "docs" / "quality.md").read_text())
    for name in METHODS:
        assert len(found[name]) == 2 * 2 * 2, name
    for path in SHIPPED.glob("*.onnx"):
        assert len(found[path.stem]) == 2 * 2, path.stem


def test_the_numbers_are_those_of_evaluate(folder):
    """They use the same noise."""
    clean = read_folder(folder / "photographs", channels=1)
    scores = evaluate(OnnxDenoiser(SHIPPED / "gray.onnx"), clean, (0.0, 25.0))
    found = rows((folder / "docs" / "quality.md").read_text())["gray"]
    assert found[:2] == [f"{score.psnr_db:.2f}" for score in scores]
    assert found[2:] == [f"{score.ssim:.4f}" for score in scores]


def test_the_figures_of_the_page_are_beside_it(folder):
    """Every figure on the page exists and shows something."""
    page = (folder / "docs" / "quality.md").read_text()
    shown = re.findall(r"\]\((images/.*?\.png)\)", page)
    assert len(shown) == 2
    for name in shown:
        with Image.open(folder / "docs" / name) as figure:
            assert np.ptp(np.asarray(figure.convert("L"))) > 200


def test_the_page_of_the_documents_has_every_level():
    """It was made by this command."""
    page = (Path(__file__).parents[4] / "docs" / "quality.md").read_text()
    assert f"| PSNR, dB at sigma | {' | '.join(f'{sigma:g}' for sigma in SIGMAS_255)} |" in page
