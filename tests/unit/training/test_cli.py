"""The commands."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.unit.training.evaluate.test_evaluate import write_model
from tests.unit.training.fit.runs import TINY, write_photographs
from training.cli import app
from training.fit.checkpoint import Checkpoint


def run(*arguments: object) -> tuple[int, str]:
    """Return the exit status and the whole output of a command."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.output


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """Write ``TINY`` as a file."""
    facts = TINY.model_dump(exclude={"arguments"}, exclude_none=True)
    # For numbers, strings, booleans and lists of them, JSON is TOML.
    lines = [f"{name} = {json.dumps(value)}" for name, value in facts.items()]
    arguments = ", ".join(f"{name} = {value}" for name, value in TINY.arguments.items())
    path = tmp_path / "tiny.toml"
    path.write_text("\n".join([*lines, f"arguments = {{ {arguments} }}\n"]))
    return path


def test_train_ends_with_what_to_do_next(tmp_path: Path, recipe: Path) -> None:
    """It leaves a checkpoint with the images it was trained on."""
    images, output = write_photographs(tmp_path / "images", 3), tmp_path / "run"
    validation = write_photographs(tmp_path / "validation", 1, seed=9)
    status, shown = run(
        "train", "--images", images, "--validation", validation, "--output", output, "--recipe", recipe, "--steps", 2
    )
    assert status == 0, shown
    assert "A training of 2 steps is far too short" in shown
    assert f"{output / 'checkpoint.pt'}. Next: python -m training export {output}" in shown
    saved = Checkpoint.load(output)
    assert saved is not None
    assert saved.step == 2
    assert set(saved.images) == {"0.png", "1.png", "2.png"}


def test_evaluate_measures_models(tmp_path: Path) -> None:
    """It uses the requested noise levels and labels."""
    model, images = write_model(tmp_path / "m.onnx"), write_photographs(tmp_path / "images", 1)
    status, shown = run(
        "evaluate", model, "--images", images, "--output", tmp_path, "--sigmas", "7,30", "--label", "mine"
    )
    assert status == 0, shown
    assert "mine" in shown
    assert "| mine |" in (tmp_path / "evaluation.md").read_text()


def test_evaluate_takes_the_names_of_shipped_models(tmp_path: Path) -> None:
    """The name is also the label."""
    images = write_photographs(tmp_path / "images", 1)
    status, shown = run("evaluate", "gray", "--images", images, "--output", tmp_path, "--sigmas", "25")
    assert status == 0, shown
    assert "| gray |" in (tmp_path / "evaluation.md").read_text()


def test_list_of_image_sets_needs_no_network() -> None:
    """It has the names of all sets."""
    status, shown = run("get-data", "--list")
    assert status == 0
    assert "bsds432" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--images", "nowhere", "--output", "run"], "there is no folder nowhere"),
        (["train", "--images", ".", "--output", "run", "--recipe", "grey"], "recipe 'grey'; did you mean 'gray'?"),
        (["campaign", "nope.toml", "--output", "out"], "error: nope.toml: No such file or directory"),
        (
            ["train", "--images", ".", "--output", "run", "--steps", 1, "--minutes", 1],
            "exactly one of steps and minutes",
        ),
        (["evaluate", "missing.onnx", "--images", ".", "--output", "out"], "no file 'missing.onnx'"),
        (["get-data", "set13"], "unknown image sets: set13"),
        (["train", "--images", ".", "--output", "run", "--steps", 0], "steps = 0: must be greater than 0"),
        (["train", "--images", ".", "--output", "run", "--device", "gpu"], "cannot compute on the device 'gpu'"),
        (["evaluate", "wavelet-bays", "--images", ".", "--output", "out"], "did you mean 'wavelet-bayes'?"),
        (["estimates", "grey", "--images", "."], "did you mean 'gray'?"),
        (["illustrate", "grey", "--image", "a.png", "--output", "b.png"], "did you mean 'gray'?"),
        (["robustness", "grey", "--gray", ".", "--color", ".", "--output", "out"], "did you mean 'gray'?"),
        (["reproduce", "spectrum", "--model", "grey", "--images", ".", "--output", "out"], "did you mean 'gray'?"),
        (["export", "run", "--output", "a.onnx", "--name", "best"], "'best' already means a choice"),
        (["noise-statistics"], "nothing to measure"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_wrong_input_is_one_line_and_status_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[object], message: str
) -> None:
    """There is no traceback, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    status, shown = run(*arguments)
    assert status == 2
    assert shown.startswith("error: ")
    assert shown.count("\n") == 1
    assert message in shown
    assert list(tmp_path.iterdir()) == []


def test_help_does_not_wait_for_torch() -> None:
    """It does not import other slow packages either."""
    code = "import sys, training.cli; print({'torch', 'numpy', 'skimage', 'rich.progress'} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_a_share_of_first_weights_needs_their_name(tmp_path: Path) -> None:
    """The message has the option that is missing."""
    status, shown = run("export", tmp_path, "--output", tmp_path / "x.onnx", "--name", "x", "--start-share", 0.1)
    assert status == 2
    assert "--start" in shown.replace("--start-share", "")
