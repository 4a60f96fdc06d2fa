"""Networks on noise that they were not trained on."""

import json
from collections.abc import Iterator

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


@pytest.fixture(scope="module", autouse=True)
def _tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Use one tiny recipe instead of the two that take minutes."""
    recipe = tmp_path_factory.mktemp("recipe") / "tiny.toml"
    recipe.write_text(TINY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generalisation, "RECIPES", (str(recipe),))
        yield


@pytest.fixture(scope="module")
def request_(tmp_path_factory: pytest.TempPathFactory) -> Request:
    """Return small photographs to measure on, and others to train on."""
    folder = tmp_path_factory.mktemp("generalisation")
    return Request(
        images=write_photographs(folder / "clean", 2, seed=9),
        output=folder / "out",
        train_on=write_photographs(folder / "train", 2),
    )


@pytest.fixture(scope="module")
def found(request_: Request) -> Generalization:
    """Measure everything that the page shows, after training the networks."""
    return generalisation.measure(request_, generalisation.RECIPES)


def test_every_number_is_that_of_the_exported_network(tmp_path, request_, found):
    """Export and ONNX Runtime give the same numbers."""
    (group,) = found.networks.values()
    clean = read_folder(request_.images, channels=1)
    for each in group:
        run, model = request_.output / "runs" / each.twin.name.replace(" ", "-"), tmp_path / "model.onnx"
        if each.twin.bias:
            continue  # not an artifact: it has additive constants
        export(run, model, Provenance("tiny", "1", "none", "none"), evaluation_sets=[])
        scores = evaluate(OnnxDenoiser(model), clean, SIGMAS_255)
        np.testing.assert_allclose(each.psnr_db, [score.psnr_db for score in scores], atol=1e-3)


def test_what_was_trained_is_not_trained_again(request_, found):
    """The second call reads the finished runs and finds the same numbers."""
    runs = sorted((request_.output / "runs").rglob("checkpoint.pt"))
    assert len(runs) == 6
    assert generalisation.measure(request_, generalisation.RECIPES) == found
    assert {Checkpoint.load(run.parent).step for run in runs} == {6}


def test_the_page_is_the_findings(request_, found):
    """It has the numbers, a table with the gap, and a figure."""
    page = generalisation.page(request_)
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
