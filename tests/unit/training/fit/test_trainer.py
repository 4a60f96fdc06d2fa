"""The training loop."""

import math
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from biasfree.architectures import build
from biasfree.artifact import SHIPPED
from tests.unit.training.fit.runs import ALONE, IMAGES, TINY, Record, assert_same, fit, sampler
from training.data.noise import NoiseMixture
from training.export.export import Provenance, export
from training.fit.checkpoint import Checkpoint
from training.fit.start import Start
from training.fit.trainer import LOSSES, StepResult, Trainer

ROOT = Path(__file__).parents[4]
#: fp32 on an x86 processor; others round differently, which 20 steps do not amplify past the tolerance.
GOLDEN_LOSSES = [
    0.224994,
    0.124728,
    0.108351,
    0.053522,
    0.18252,
    0.120836,
    0.16704,
    0.155854,
    0.175754,
    0.184072,
    0.124053,
    0.135657,
    0.120675,
    0.168237,
    0.164237,
    0.136439,
    0.164641,
    0.135601,
    0.154087,
    0.092099,
]


class Killed(Exception):
    """A stand-in for a sudden end."""


def stop_at(step: int) -> Record:
    """Return a record that ends the run with an exception."""

    def stop(result: StepResult) -> None:
        if result.step == step:
            raise Killed

    return Record(stop)


def test_twenty_seeded_steps_give_the_stored_losses(tmp_path: Path) -> None:
    """A change that should change nothing proves it with this test."""
    _, record = fit(TINY, tmp_path)
    assert record.losses == pytest.approx(GOLDEN_LOSSES, rel=2e-3)


def test_loss_falls_against_the_noise_that_was_drawn(tmp_path: Path) -> None:
    """At first the output is the input, whose error is the noise itself; later the error is smaller."""
    _, record = fit(TINY.with_budget(steps=60, minutes=None), tmp_path)
    pairs = [sampler(TINY).batch(step) for step in range(60)]
    relative = [
        loss / float((pair.noisy - pair.clean).abs().mean()) for loss, pair in zip(record.losses, pairs, strict=True)
    ]
    assert relative[0] == pytest.approx(1, rel=1e-5)
    assert sum(relative[-10:]) / 10 < 0.7


def test_psnr_loss_is_minus_the_mean_psnr_in_db() -> None:
    """It averages the PSNR of the patches, not their error, and has a finite minimum."""
    clean = torch.zeros(2, 1, 4, 4)
    off = torch.tensor([0.1, 0.01])[:, None, None, None].expand_as(clean)
    assert float(LOSSES["psnr"](clean + off, clean)) == pytest.approx(-30, abs=0.1)
    assert float(LOSSES["psnr"](clean, clean)) == pytest.approx(20 * math.log10(0.5 / 255), abs=1e-3)


@pytest.mark.parametrize("changes", [{"optimizer": "muon"}, {"optimizer": "adamw"}, {"noise": NoiseMixture()}])
def test_killed_and_resumed_run_equals_the_uninterrupted_one_exactly(tmp_path: Path, changes: dict[str, Any]) -> None:
    """Losses, weights and averaged weights are equal bit for bit."""
    recipe = TINY.model_copy(update=changes)
    whole, expected = fit(recipe, tmp_path / "whole", record=Record())
    first = stop_at(11)
    with pytest.raises(Killed):
        fit(recipe, tmp_path / "killed", record=first)
    resumed, second = fit(recipe, tmp_path / "killed")
    assert first.losses[:10] + second.losses == expected.losses
    assert_same(resumed.checkpoint().network, whole.checkpoint().network)
    assert_same(resumed.checkpoint().average, whole.checkpoint().average)


def test_run_killed_with_sigkill_resumes_exactly(tmp_path: Path) -> None:
    """The process cannot clean up, and yet the remaining losses are those of an uninterrupted run."""
    _, expected = fit(TINY, tmp_path / "whole")
    child = (
        "import sys, torch; from pathlib import Path; from tests.unit.training.fit.runs import TINY, Record, fit;"
        "torch.set_num_threads(1);"
        "say = lambda result: (print(result.step, result.loss, flush=True), result.step == 12 and sys.stdin.read());"
        "fit(TINY, Path(sys.argv[1]), record=Record(say))"
    )
    folder = tmp_path / "killed"
    command = [sys.executable, "-c", child, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().split() for _ in range(12)]
        process.kill()
    assert process.returncode == -signal.SIGKILL
    _, resumed = fit(TINY, folder)
    assert resumed.steps[0].step == 12
    assert [float(loss) for _, loss in lines[:11]] + resumed.losses == expected.losses


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_ends_after_its_step_and_leaves_a_checkpoint(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM lose nothing."""
    record = Record(lambda result: signal.raise_signal(number) if result.step == 5 else None)
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt):
        fit(TINY, tmp_path, record=record)
    saved = Checkpoint.load(tmp_path)
    assert saved is not None
    assert saved.step == len(record.steps) == 5
    assert signal.getsignal(number) == before


def test_learning_rate_warms_up_linearly_and_falls_as_a_cosine(tmp_path: Path) -> None:
    """The schedule spans the budget."""
    _, record = fit(TINY, tmp_path)
    floor = TINY.final_learning_rate
    for index, result in enumerate(record.steps):
        warmup = min(1, (index + 1) / TINY.warmup_steps)
        cosine = floor + (1 - floor) * (1 + math.cos(math.pi * index / 20)) / 2
        assert result.learning_rate == pytest.approx(TINY.learning_rate * warmup * cosine)
        assert result.progress == pytest.approx((index + 1) / 20)


def test_budget_in_minutes_follows_the_clock_and_stops(tmp_path: Path) -> None:
    """Only the time within steps counts."""
    readings = iter(range(10_000))
    recipe = TINY.with_budget(steps=None, minutes=0.2)
    _, record = fit(recipe, tmp_path, clock=lambda: float(next(readings)))
    assert [result.elapsed_s for result in record.steps] == list(range(1, 13))
    assert record.steps[-1].progress == 1
    rates = [result.learning_rate for result in record.steps]
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert rates[6] == pytest.approx(recipe.learning_rate * (1 + recipe.final_learning_rate) / 2)


def test_finished_run_makes_no_further_step(tmp_path: Path) -> None:
    """Starting it again is harmless, and a larger budget continues it."""
    fit(TINY, tmp_path)
    assert fit(TINY, tmp_path)[1].steps == []
    _, longer = fit(TINY.with_budget(steps=22, minutes=None), tmp_path)
    assert [result.step for result in longer.steps] == [21, 22]


def test_validation_comes_at_its_steps_and_at_the_end(tmp_path: Path) -> None:
    """Here it comes every eight steps."""
    _, record = fit(TINY, tmp_path)
    assert record.validations == [(8, 30.0), (16, 30.0), (20, 30.0)]


def test_run_is_not_resumed_with_another_recipe_or_other_images(tmp_path: Path) -> None:
    """Otherwise the checkpoint would misstate the origin of its weights."""
    short = TINY.with_budget(steps=2, minutes=None)
    fit(short, tmp_path)
    with pytest.raises(ValueError, match=r"learning_rate = 0\.02, not 0\.01"):
        fit(short.model_copy(update={"learning_rate": 0.01}), tmp_path)
    with pytest.raises(ValueError, match="images"):
        fit(short, tmp_path, images={**IMAGES, "c.png": "sha-c"})


def test_loss_that_is_not_finite_ends_the_run_and_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    """Broken weights are never saved."""
    wild = TINY.model_copy(update={"learning_rate": 1e30, "warmup_steps": 0})
    record = Record()
    with pytest.raises(ValueError, match=r"the loss is .* at step"):
        fit(wild, tmp_path, record=record)
    saved = Checkpoint.load(tmp_path)
    assert saved is not None
    assert saved.step == len(record.steps)


def test_only_kernels_between_features_are_given_to_muon(tmp_path: Path) -> None:
    """AdamW updates head and tail."""
    trainer, _ = fit(TINY.with_budget(steps=1, minutes=None), tmp_path)
    muon, adamw = trainer.checkpoint().optimizers
    kernels = [name for name, value in trainer.checkpoint().network.items() if value.ndim == 4]
    assert len(muon["param_groups"][0]["params"]) == len(kernels) - 2
    assert len(adamw["param_groups"][0]["params"]) == 2


def test_run_can_start_from_the_weights_of_another_and_remembers_it(tmp_path: Path) -> None:
    """It starts with the other run's average, and the checkpoint keeps that run's recipe, steps and seconds."""
    (tmp_path / "first").mkdir()
    fit(TINY, tmp_path / "first")
    first = Checkpoint.load(tmp_path / "first")
    assert first is not None
    recipe = TINY.model_copy(update={"seed": 5, "steps": 2})
    start = Start.read(tmp_path / "first")
    trainer = Trainer(recipe, sampler(recipe), images=IMAGES, processes=ALONE, start=start)
    assert_same(dict(trainer.averaged.state_dict()), first.average)
    stages = trainer.checkpoint().stages
    assert [stage["steps"] for stage in stages] == [first.step, 0]
    assert stages[0]["recipe"] == first.recipe.model_dump()


def test_a_share_of_the_first_weights_is_kept_in_what_is_exported(tmp_path: Path) -> None:
    """The training itself is unaffected; the mixture is the run's result, also after a resume."""
    (tmp_path / "first").mkdir()
    fit(TINY, tmp_path / "first")
    recipe = TINY.model_copy(update={"seed": 5, "steps": 2, "start_share": 0.25})
    with pytest.raises(ValueError, match="`start_share` needs initial weights"):
        Trainer(recipe, sampler(recipe), images=IMAGES, processes=ALONE)
    start = Start.read(tmp_path / "first")
    out = tmp_path / "second"
    out.mkdir()
    for steps in (1, 2):
        again = recipe.with_budget(steps=steps, minutes=None)
        trainer = Trainer(again, sampler(recipe), images=IMAGES, processes=ALONE, start=start)
        trainer.fit(out, progress=Record(), validate=lambda _: 30.0, validate_every=8, checkpoint_every_s=0)
    kept = Checkpoint.load(out)
    assert kept is not None
    for name, value in Start.read(out).weights.items():
        torch.testing.assert_close(value, 0.75 * kept.average[name] + 0.25 * start.weights[name])
    assert_same(dict(kept.averaged_network().state_dict()), kept.weights)


def test_run_can_start_from_a_model_file(tmp_path: Path) -> None:
    """The result equals a start from the run that the model was exported from, a network of one scale."""
    small = TINY.model_copy(update={"arguments": {**TINY.arguments, "widths": [4], "blocks": 0}})
    fit(small, tmp_path)
    model = tmp_path / "model.onnx"
    export(tmp_path, model, Provenance("tiny", "1", "none", "none"), evaluation_sets=[])
    run, file = Start.read(tmp_path), Start.read(model)
    assert_same(file.weights, run.weights)
    assert [stage["steps"] for stage in file.stages] == [stage["steps"] for stage in run.stages]
    trainer = Trainer(small, sampler(small), images=IMAGES, processes=ALONE, start=file)
    assert_same(dict(trainer.averaged.state_dict()), run.weights)


def test_a_color_run_can_start_from_a_gray_one(tmp_path: Path) -> None:
    """On gray images, each of its channels first gives the gray network's output."""
    fit(TINY, tmp_path)
    start = Start.read(tmp_path)
    gray = build(TINY.architecture, TINY.arguments)
    gray.load_state_dict(start.weights)
    color = build(TINY.architecture, {**TINY.arguments, "channels": 3})
    color.load_state_dict(start.for_channels(3))
    noisy = torch.rand(2, 1, 24, 16, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(color(noisy.expand(-1, 3, -1, -1)), gray(noisy).expand(-1, 3, -1, -1))
    assert start.for_channels(1) == start.weights


def test_a_wider_network_can_start_from_a_narrower_one(tmp_path: Path) -> None:
    """It first computes the same, and its copies have different gradients, so that they part."""
    fit(TINY, tmp_path)
    start = Start.read(tmp_path)
    narrow = build(TINY.architecture, TINY.arguments)
    narrow.load_state_dict(start.weights)
    widths = [2 * width for width in TINY.arguments["widths"]]
    recipe = TINY.model_copy(update={"arguments": {**TINY.arguments, "widths": widths}})
    trainer = Trainer(recipe, sampler(recipe), images=IMAGES, processes=ALONE, start=start)
    wide = trainer.averaged.requires_grad_(True)
    noisy = torch.rand(2, 1, 24, 16, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(wide(noisy), narrow(noisy))
    wide(noisy).square().sum().backward()
    gradient = wide.get_parameter("bottom.0.conv1.weight").grad
    assert gradient is not None
    half = len(gradient) // 2
    assert not torch.allclose(gradient[:half], gradient[half:])


def test_a_narrower_network_cannot_start_from_a_wider_one(tmp_path: Path) -> None:
    """The message names the kernel."""
    fit(TINY, tmp_path)
    widths = [width // 2 for width in TINY.arguments["widths"]]
    recipe = TINY.model_copy(update={"arguments": {**TINY.arguments, "widths": widths}})
    with pytest.raises(ValueError, match=r"head\.weight is .*, which does not widen to"):
        Trainer(recipe, sampler(recipe), images=IMAGES, processes=ALONE, start=Start.read(tmp_path))


def test_an_empty_folder_is_no_start(tmp_path: Path) -> None:
    """The message is one sentence."""
    with pytest.raises(ValueError, match="no checkpoint to start from"):
        Start.read(tmp_path)


def test_run_of_another_architecture_is_no_start(tmp_path: Path) -> None:
    """The message is one sentence, and no network is half loaded."""
    fit(TINY, tmp_path)
    recipe = TINY.model_copy(update={"arguments": {**TINY.arguments, "blocks": 3}})
    message = (
        r"not fit the recipe's architecture: \d+ of its parts are .*, such as decoders\.0\.1\.conv1\.weight; start"
    )
    with pytest.raises(ValueError, match=message):
        Trainer(recipe, sampler(recipe), images=IMAGES, processes=ALONE, start=Start.read(tmp_path))


def test_color_weights_are_no_start_for_a_gray_recipe(tmp_path: Path) -> None:
    """The message has the channels, and not the layers of torch."""
    with pytest.raises(ValueError, match=r"for 3 channel\(s\), but the recipe has 1: start from other weights"):
        Trainer(TINY, sampler(TINY), images=IMAGES, processes=ALONE, start=Start.read(Path("color")))


def test_a_run_can_start_from_a_shipped_model_by_its_name() -> None:
    """A typo is answered with a suggestion."""
    named, file = Start.read(Path("gray")), Start.read(SHIPPED / "gray.onnx")
    assert_same(named.weights, file.weights)
    with pytest.raises(ValueError, match="no file 'grey'; did you mean 'gray'"):
        Start.read(Path("grey"))
