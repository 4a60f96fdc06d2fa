"""Networks that meet noise they were not trained on."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

from tests.unit.training.runs import write_photographs
from training.cli import app
from training.evaluate import evaluate, identity
from training.export import Provenance, export
from training.images import read_folder
from training.onnx_denoiser import OnnxDenoiser
from training.recipe import read_recipe
from training.reproduce.generalisation import RECIPES, reproduce_generalisation
from training.reproduce.generalisation_findings import SIGMAS_255, Generalisation, Measured
from training.reproduce.twins import FULL, NARROW, twins

TINY = """
architecture = "dncnn"
arguments = { channels = 1, depth = 4, width = 4 }
steps = 6
patch = 16
batch = 2
precision = "fp32"
optimizer = "adamw"
"""


def make(tmp_path: Path) -> Generalisation:
    """With a tiny recipe, on small photographs."""
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(TINY)
    train_on = write_photographs(tmp_path / "train", 2)
    images = write_photographs(tmp_path / "clean", 2, seed=9)
    return reproduce_generalisation(
        images=images, train_on=train_on, output=tmp_path / "out", console=Console(quiet=True), recipes=[str(recipe)]
    )


def test_every_number_is_that_of_the_exported_network(tmp_path):
    """Measured again through export and ONNX Runtime."""
    (group,) = make(tmp_path).networks.values()
    clean = read_folder(tmp_path / "clean", channels=1)
    for each in group:
        run, model = tmp_path / "out" / "runs" / each.twin.name.replace(" ", "-"), tmp_path / "model.onnx"
        if each.twin.bias:
            continue  # not an artifact: it has additive constants
        export(run, model, Provenance("tiny", "1", "none", "none"), evaluation_sets=[])
        scores = evaluate(OnnxDenoiser(model), clean, SIGMAS_255)
        np.testing.assert_allclose(each.psnr_db, [score.psnr_db for score in scores], atol=1e-3)


def test_what_was_trained_is_not_trained_again(tmp_path):
    """The second call reads the runs, and finds the same."""
    first = make(tmp_path)
    runs = sorted((tmp_path / "out" / "runs").rglob("checkpoint.pt"))
    assert len(runs) == 4
    before = json.loads((tmp_path / "out" / "generalisation.json").read_text())
    assert make(tmp_path) == first
    assert json.loads((tmp_path / "out" / "generalisation.json").read_text()) == before


def test_the_files_are_the_findings(tmp_path):
    """Numbers, a table with the gap, and a figure."""
    found = make(tmp_path)
    facts = json.loads((tmp_path / "out" / "generalisation.json").read_text())
    assert len(facts["networks"]) == 4
    assert [score["psnr_db"] for score in facts["noisy"]] == [score.psnr_db for score in found.noisy]
    (group,) = found.networks.values()
    free, bias, full, _ = (each.at(90) for each in group)
    gaps = (tmp_path / "out" / "generalisation.md").read_text().splitlines()[-1]
    assert gaps == f"| dncnn | {full:.2f} | {free:.2f} | {full - free:.2f} | {bias:.2f} | {free - bias:.2f} |"
    with Image.open(tmp_path / "out" / "generalisation.png") as figure:
        assert np.ptp(np.asarray(figure.convert("L"))) > 200


@pytest.mark.parametrize("name", RECIPES)
def test_twins_differ_in_bias_and_in_noise_alone(name):
    """So that nothing else explains what is found."""
    recipe = read_recipe(name)
    four = list(twins(recipe))
    assert [(twin.sigma_max, twin.bias) for twin in four] == [
        (NARROW, False),
        (NARROW, True),
        (FULL, False),
        (FULL, True),
    ]
    for twin in four:
        rest = twin.recipe.model_dump() | {"sigma_max": recipe.sigma_max}
        del rest["arguments"]["bias"]
        assert rest == recipe.model_dump()


def test_a_score_is_found_by_its_noise_level(tmp_path):
    """And not by its place."""
    scores = evaluate(identity, read_folder(write_photographs(tmp_path, 1), channels=1), SIGMAS_255)
    measured = Measured(next(twins(read_recipe(RECIPES[0]))), scores)
    assert measured.at(90) == scores[SIGMAS_255.index(90)].psnr_db


def test_the_command_asks_for_photographs_to_train_on(tmp_path):
    """Before anything is made."""
    arguments = ["reproduce", "generalisation", "--images", str(tmp_path), "--output", str(tmp_path / "out")]
    answer = CliRunner().invoke(app, arguments)
    assert answer.exit_code == 2
    assert "--train-on" in answer.output
