"""Networks on noise that they were not trained on."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from tests.unit.training.fit.runs import write_photographs
from training.cli import app
from training.data.images import read_folder
from training.evaluate.onnx_model import OnnxDenoiser
from training.evaluate.scores import evaluate, identity
from training.export.export import Provenance, export
from training.fit.checkpoint import Checkpoint
from training.fit.recipe import read_recipe
from training.reproduce import generalisation
from training.reproduce.generalisation import SIGMAS_255, Generalization, Measured
from training.reproduce.pages import Request
from training.reproduce.twins import FULL, MIDDLE, NARROW, twins

TINY = """
architecture = "dncnn"
arguments = { channels = 1, depth = 4, width = 4 }
steps = 6
patch = 16
batch = 2
precision = "fp32"
optimizer = "adamw"
"""


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    """Return small photographs to measure on, and others to train on."""
    return Request(
        images=write_photographs(tmp_path / "clean", 2, seed=9),
        output=tmp_path / "out",
        train_on=write_photographs(tmp_path / "train", 2),
    )


@pytest.fixture(autouse=True)
def _tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use one tiny recipe instead of the two that take minutes."""
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(TINY)
    monkeypatch.setattr(generalisation, "RECIPES", (str(recipe),))


def make(request: Request) -> Generalization:
    """Measure everything that the page shows."""
    return generalisation.measure(request, generalisation.RECIPES)


def test_every_number_is_that_of_the_exported_network(tmp_path, request_):
    """Export and ONNX Runtime give the same numbers."""
    (group,) = make(request_).networks.values()
    clean = read_folder(tmp_path / "clean", channels=1)
    for each in group:
        run, model = tmp_path / "out" / "runs" / each.twin.name.replace(" ", "-"), tmp_path / "model.onnx"
        if each.twin.bias:
            continue  # not an artifact: it has additive constants
        export(run, model, Provenance("tiny", "1", "none", "none"), evaluation_sets=[])
        scores = evaluate(OnnxDenoiser(model), clean, SIGMAS_255)
        np.testing.assert_allclose(each.psnr_db, [score.psnr_db for score in scores], atol=1e-3)


def test_what_was_trained_is_not_trained_again(request_):
    """The second call reads the finished runs and finds the same numbers."""
    first = make(request_)
    runs = sorted((request_.output / "runs").rglob("checkpoint.pt"))
    assert len(runs) == 6
    assert make(request_) == first
    assert {Checkpoint.load(run.parent).step for run in runs} == {6}


def test_the_page_is_the_findings(request_):
    """It has the numbers, a table with the gap, and a figure."""
    found, page = make(request_), generalisation.page(request_)
    page.write(request_.output)
    facts = json.loads((request_.output / "generalisation.json").read_text())
    assert len(facts["networks"]) == 6
    assert [score["psnr_db"] for score in facts["noisy"]] == pytest.approx([each.psnr_db for each in found.noisy])
    (group,) = found.networks.values()
    free, bias, *_, full, _ = (each.at(90) for each in group)
    gaps = (request_.output / "generalisation.md").read_text().splitlines()[-1]
    assert gaps == f"| dncnn | {full:.2f} | {free:.2f} | {full - free:.2f} | {bias:.2f} | {free - bias:.2f} |"
    with Image.open(request_.output / "generalisation.png") as figure:
        assert np.ptp(np.asarray(figure.convert("L"))) > 200


@pytest.mark.parametrize("name", ["small-dncnn", "small-resunet"])
def test_twins_differ_in_bias_and_in_noise_alone(name):
    """Nothing else can then explain the findings."""
    recipe = read_recipe(name)
    six = list(twins(recipe))
    expected = [(sigma_max, bias) for sigma_max in (NARROW, MIDDLE, FULL) for bias in (False, True)]
    assert [(twin.sigma_max, twin.bias) for twin in six] == expected
    for twin in six:
        rest = twin.recipe.model_dump() | {"sigma_max": recipe.sigma_max}
        del rest["arguments"]["bias"]
        assert rest == recipe.model_dump()


def test_a_score_is_found_by_its_noise_level(tmp_path):
    """Its place does not matter."""
    scores = evaluate(identity, read_folder(write_photographs(tmp_path, 1), channels=1), SIGMAS_255)
    measured = Measured(next(twins(read_recipe(generalisation.RECIPES[0]))), scores)
    assert measured.at(90) == scores[SIGMAS_255.index(90)].psnr_db


def test_the_command_asks_for_photographs_to_train_on(tmp_path):
    """It does so before making anything."""
    arguments = ["reproduce", "generalisation", "--images", str(tmp_path), "--output", str(tmp_path / "out")]
    answer = CliRunner().invoke(app, arguments)
    assert answer.exit_code == 2
    assert "--train-on" in answer.output
