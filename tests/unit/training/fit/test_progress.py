"""The display of a run's progress."""

import io
from pathlib import Path

import pytest
from rich.console import Console
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from training.fit.progress import LINE_EVERY_S, LiveProgress
from training.fit.trainer import StepResult


def results(steps: int, *, seconds: float) -> list[StepResult]:
    """Return the steps of half a run."""
    return [
        StepResult(step, step / (2 * steps), step * seconds, loss=0.0125, learning_rate=0.002)
        for step in range(1, steps + 1)
    ]


def show(folder: Path, *, terminal: bool, steps: int, seconds: float) -> str:
    """Return what half a run with one validation prints."""
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=160)
    with LiveProgress(folder, pixels_per_step=1_000_000, console=console) as progress:
        progress.on_validation(1, 29.125)
        for result in results(steps, seconds=seconds):
            progress.on_step(result)
    return screen.getvalue()


def test_terminal_shows_loss_psnr_rate_and_time_left(tmp_path: Path) -> None:
    """The rate is two megapixels per second, and half of the time is left."""
    shown = show(tmp_path, terminal=True, steps=40, seconds=0.5)
    for text in ("step 40", "50%", "loss 0.01250", "PSNR 29.12 dB", "2.00 Mpx/s", "0:00:20 left"):
        assert text in shown


def test_log_file_gets_a_line_now_and_then(tmp_path: Path) -> None:
    """It gets fewer lines than steps, with the same facts."""
    steps = int(4 * LINE_EVERY_S) + 1
    lines = show(tmp_path, terminal=False, steps=steps, seconds=1).splitlines()
    assert len(lines) == 4
    assert lines[-1].split("  ")[2:] == ["loss 0.01250", "PSNR 29.12 dB", "1.00 Mpx/s", "2.0 min left"]


def test_tensorboard_reads_the_curves_back(tmp_path: Path) -> None:
    """They are loss, learning rate, rate and validation PSNR."""
    show(tmp_path, terminal=False, steps=40, seconds=0.5)
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    expected = {"loss": 0.0125, "learning_rate": 0.002, "pixels_per_s": 2e6}
    for name, value in expected.items():
        points = events.Scalars(name)
        assert [point.step for point in points] == [20, 40]
        assert points[-1].value == pytest.approx(value)
    assert [(point.step, point.value) for point in events.Scalars("validation_psnr_db")] == [(1, 29.125)]


@pytest.mark.parametrize("terminal", [True, False])
def test_a_run_ends_at_100_percent(tmp_path: Path, terminal: bool) -> None:
    """Also where the last step exceeds a budget in minutes."""
    screen = io.StringIO()
    with LiveProgress(
        tmp_path, pixels_per_step=1, console=Console(file=screen, force_terminal=terminal, width=160)
    ) as progress:
        for result in (StepResult(1, 0.5, 60, 0.01, 0.002), StepResult(2, 1.034, 124, 0.01, 0.002)):
            progress.on_step(result)
    assert ("100%" if terminal else "100.0%") in screen.getvalue()
    assert "103" not in screen.getvalue()


def test_a_run_that_was_finished_before_shows_100_percent(tmp_path: Path) -> None:
    """There is no step to show."""
    screen = io.StringIO()
    with LiveProgress(tmp_path, pixels_per_step=1, console=Console(file=screen, force_terminal=True, width=160)):
        pass
    assert "100%" in screen.getvalue()
