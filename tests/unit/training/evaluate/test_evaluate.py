"""Evaluation and its reports."""

import io
import json
import math
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image
from rich.console import Console

from biasfree.classical import METHODS, load
from tests.unit.training.fit.runs import photograph, write_photographs
from training.data.images import NamedImage, read_folder
from training.evaluate.measure import measure, read_sigmas
from training.evaluate.metrics import add_noise, psnr_db, ssim
from training.evaluate.onnx_model import OnnxDenoiser
from training.evaluate.report import INPUT_LABEL, Report, Row
from training.evaluate.scores import Score, evaluate, identity

QUIET = Console(quiet=True)


def write_model(path: Path, *, channels: int = 1, gain: float = 1.0, output: str = "denoised") -> Path:
    """Write an ONNX model that multiplies by ``gain``."""
    shape = ["B", channels, "H", "W"]
    graph = helper.make_graph(
        [helper.make_node("Mul", ["noisy", "gain"], [output])],
        "gain",
        [helper.make_tensor_value_info("noisy", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)],
        [helper.make_tensor("gain", TensorProto.FLOAT, [], [gain])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
    return path


def named(*shapes: tuple[int, int, int]) -> list[NamedImage]:
    """Return images of these shapes."""
    return [
        NamedImage(str(seed), photograph(height, width, seed=seed, channels=channels), "")
        for seed, (height, width, channels) in enumerate(shapes)
    ]


@pytest.mark.parametrize("channels", [1, 3])
def test_scores_are_the_means_over_images_of_each_ones_measure(channels: int) -> None:
    """Image i gets noise i, and the levels keep their order."""
    images = named((20, 31, channels), (40, 17, channels), (16, 16, channels))
    scores = evaluate(lambda noisy: noisy / 2, images, [50, 5])
    for score, sigma_255 in zip(scores, (50, 5), strict=True):
        pairs = []
        for index, image in enumerate(images):
            clean = image.pixels.astype(np.float32) / np.float32(255)
            pairs.append((clean, add_noise(clean, sigma_255=sigma_255, index=index) / 2))
        assert score.sigma_255 == sigma_255
        assert score.psnr_db == pytest.approx(np.mean([psnr_db(*pair) for pair in pairs]))
        assert score.ssim == pytest.approx(np.mean([ssim(*pair) for pair in pairs]))


def test_no_images_are_refused() -> None:
    """There is no mean without images."""
    with pytest.raises(ValueError, match="no images"):
        evaluate(identity, [], [5])


def test_input_without_noise_has_infinite_psnr() -> None:
    """A noise level of zero is allowed."""
    assert evaluate(identity, named((16, 16, 1)), [0]) == (Score(0, math.inf, 1.0),)


@pytest.mark.parametrize("channels", [1, 3])
def test_onnx_denoiser_runs_whole_images_of_any_size(tmp_path: Path, channels: int) -> None:
    """Input and output are (H, W, C)."""
    denoiser = OnnxDenoiser(write_model(tmp_path / "half.onnx", channels=channels, gain=0.5))
    assert denoiser.channels == channels
    assert denoiser.trained_sigmas_255 is None
    for height, width in ((1, 1), (7, 12)):
        noisy = np.random.default_rng(0).standard_normal((height, width, channels)).astype(np.float32)
        assert np.array_equal(denoiser(noisy), noisy / 2)


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    """The message is one sentence with the path."""
    (tmp_path / "text.onnx").write_text("no model")
    write_model(tmp_path / "other.onnx", output="result")
    for name in ("text.onnx", "missing.onnx", "other.onnx"):
        with pytest.raises(ValueError, match=f"{name} (as an ONNX|is not a) model"):
            OnnxDenoiser(tmp_path / name)


def test_report_is_written_as_markdown_json_and_figure(tmp_path: Path) -> None:
    """The noisy input has its own row, and infinity is null in the JSON."""
    images = write_photographs(tmp_path / "photos", 2)
    models = [write_model(tmp_path / "same.onnx"), write_model(tmp_path / "half.onnx", gain=0.5)]
    report = measure(models, labels=[], images=images, output=tmp_path / "out", sigmas_255=[0, 25], console=QUIET)
    assert [row.label for row in report.rows] == [INPUT_LABEL, "same", "half"]
    assert report.rows[1].scores == evaluate(identity, read_folder(images, channels=1), [0, 25])

    facts = json.loads((tmp_path / "out" / "evaluation.json").read_text(), parse_constant=pytest.fail)
    assert (facts["images"], facts["count"]) == ("photos", 2)
    noisy, same, half = facts["denoisers"]
    assert noisy["scores"] == same["scores"]
    assert noisy["scores"][0] == {"sigma_255": 0, "psnr_db": None, "ssim": 1.0}
    assert half["scores"][1]["psnr_db"] == report.rows[2].scores[1].psnr_db
    assert any("null" in note for note in facts["notes"])

    page = (tmp_path / "out" / "evaluation.md").read_text()
    assert "# photos, 2 images" in page
    assert f"| same | inf | {same['scores'][1]['psnr_db']:.2f} |" in page
    assert f"| half | {half['scores'][0]['ssim']:.4f} | {half['scores'][1]['ssim']:.4f} |" in page
    with Image.open(tmp_path / "out" / "evaluation.png") as figure:
        assert figure.format == "PNG"


def test_terminal_shows_every_level_and_denoiser() -> None:
    """Nothing is cut in eighty columns, with all levels of `quality` and the longest name."""
    printed = io.StringIO()
    scores = tuple(Score(level, 30 + level / 7, 0.9 + level / 1000) for level in range(13))
    label = max(METHODS, key=len)
    report = Report("Set12", 12, (Row(INPUT_LABEL, scores), Row(label, scores, (0, 100))))
    Console(width=80, file=printed).print(report.table())
    shown = [line.split() for line in printed.getvalue().splitlines()]
    for cells in ([f"{score.psnr_db:.2f}" for score in scores], [f"{score.ssim:.3f}" for score in scores]):
        assert [label, *cells[:9]] in shown
        assert [label, *cells[9:]] in shown


def test_models_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    """They are gray and color, have the same name, or have the wrong number of labels."""
    gray, color = write_model(tmp_path / "gray.onnx"), write_model(tmp_path / "color.onnx", channels=3)
    images = write_photographs(tmp_path / "photos", 1)
    for models, labels, message in (
        ([gray, color], [], "gray and color models together"),
        ([gray, gray], [], "labels must differ"),
        ([gray], [INPUT_LABEL], "labels must differ"),
        ([gray], ["a", "b"], r"2 label\(s\) for 1 model\(s\)"),
    ):
        with pytest.raises(ValueError, match=message):
            measure(models, labels=labels, images=images, output=tmp_path, sigmas_255=[5], console=QUIET)


def test_a_folder_that_cannot_be_written_is_found_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A measurement may take hours."""
    images = write_photographs(tmp_path / "photos", 1)
    (tmp_path / "file").touch()
    monkeypatch.setattr("training.evaluate.measure.evaluate", lambda *_: pytest.fail("it measures"))
    with pytest.raises(FileExistsError):
        measure(["wiener"], labels=[], images=images, output=tmp_path / "file", sigmas_255=[5], console=QUIET)


def test_classical_denoisers_are_measured_beside_models_or_alone(tmp_path: Path) -> None:
    """They are given by name and use the models' channels. If told the noise level, they give other results."""
    images = write_photographs(tmp_path / "photos", 2, side=48)
    model = write_model(tmp_path / "same.onnx", channels=3)
    clean = read_folder(images, channels=3)
    options = {"images": images, "output": tmp_path, "sigmas_255": [5, 40], "console": QUIET}
    report = measure([model, "wiener"], labels=[], **options)
    assert [row.label for row in report.rows] == [INPUT_LABEL, "same", "wiener"]
    assert report.rows[2].scores == evaluate(load("wiener"), clean, [5, 40])
    assert report.rows[2].trained_sigmas_255 is None

    told = measure(["wiener"], labels=["mine"], tell_sigma=True, **options).rows[1]
    gray = read_folder(images, channels=1)
    assert told.label == "mine"
    assert told.scores == tuple(evaluate(load("wiener", sigma=s / 255), gray, [s])[0] for s in (5, 40))
    assert told.scores != evaluate(load("wiener"), gray, [5, 40])


def test_noise_levels_are_numbers_from_zero_up() -> None:
    """They are separated by commas."""
    assert read_sigmas("0,5, 12.5") == (0, 5, 12.5)
    for text in ("-1", "inf", "nan", "five", ""):
        with pytest.raises(ValueError, match="invalid noise levels"):
            read_sigmas(text)
