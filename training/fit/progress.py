"""Progress of a run: a live bar on a terminal, lines in a log file, curves in TensorBoard."""

from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text
from torch.utils.tensorboard import SummaryWriter

from training.fit.trainer import StepResult

#: Seconds between the lines of a log file.
LINE_EVERY_S = 30.0
#: Steps between the points in TensorBoard.
SCALARS_EVERY = 20
#: Weight of the newest step in the displayed loss; single steps vary with their random noise levels.
SMOOTHING = 0.02


class TimeLeftColumn(ProgressColumn):
    """A column with the remaining time."""

    def render(self, task: Task) -> Text:
        """Write hours, minutes and seconds."""
        seconds = int(task.fields["left_s"])
        return Text(f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d} left", style="cyan")


class LiveProgress:
    """A display of loss, validation PSNR, rate and remaining time, which also writes curves for TensorBoard.

    Args:
        folder: Folder of the run; TensorBoard's event files go to ``folder/tensorboard``.
        pixels_per_step: Pixels of all patches of one step over all processes, for the rate.
        console: Console to print to; defaults to standard error.
    """

    def __init__(self, folder: Path, *, pixels_per_step: int, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._pixels_per_step = pixels_per_step
        self._writer = SummaryWriter(folder / "tensorboard")
        self._bar = Progress(
            TextColumn("step {task.fields[step]}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("loss {task.fields[loss]:.5f}"),
            TextColumn("PSNR {task.fields[psnr]}"),
            TextColumn("{task.fields[rate]:.2f} Mpx/s"),
            TimeElapsedColumn(),
            TimeLeftColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("train", total=1.0, step=0, loss=0.0, psnr="-", rate=0.0, left_s=0)
        self._loss: float | None = None
        self._psnr = "-"
        self._first: StepResult | None = None
        self._line_s = 0.0

    def __enter__(self) -> Self:
        """Start the live bar."""
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the live bar and flush the curves for TensorBoard."""
        if error is None and self._first is None:
            # The run was at its end already.
            self._bar.update(self._task, completed=1.0)
        self._bar.stop()
        self._writer.close()

    def on_step(self, result: StepResult) -> None:
        """Show one step."""
        if self._first is None:
            self._first, self._line_s = result, result.elapsed_s
        self._loss = result.loss if self._loss is None else self._loss + SMOOTHING * (result.loss - self._loss)
        rate, left_s = self._rate(result)
        # The last step may exceed a budget in minutes.
        share = min(1.0, result.progress)
        self._bar.update(
            self._task,
            completed=share,
            step=result.step,
            loss=self._loss,
            psnr=self._psnr,
            rate=rate / 1e6,
            left_s=left_s,
        )
        if result.step % SCALARS_EVERY == 0:
            for name, value in (("loss", self._loss), ("learning_rate", result.learning_rate), ("pixels_per_s", rate)):
                self._writer.add_scalar(name, value, result.step)
        if not self._console.is_terminal and (result.elapsed_s - self._line_s >= LINE_EVERY_S or result.progress >= 1):
            self._line_s = result.elapsed_s
            self._console.print(
                f"step {result.step}  {share:.1%}  loss {self._loss:.5f}  PSNR {self._psnr}  "
                f"{rate / 1e6:.2f} Mpx/s  {left_s / 60:.1f} min left",
                soft_wrap=True,
            )

    def on_validation(self, step: int, psnr_db: float) -> None:
        """Show this PSNR until the next validation."""
        self._psnr = f"{psnr_db:.2f} dB"
        self._writer.add_scalar("validation_psnr_db", psnr_db, step)

    def _rate(self, result: StepResult) -> tuple[float, float]:
        """Return pixels per second and remaining seconds, measured over this session of the run."""
        assert self._first is not None
        seconds = result.elapsed_s - self._first.elapsed_s
        steps, progress = result.step - self._first.step, result.progress - self._first.progress
        if seconds <= 0 or progress <= 0:
            return 0.0, 0.0
        return steps * self._pixels_per_step / seconds, seconds * max(0.0, 1 - result.progress) / progress


class Silence:
    """A display that shows nothing, for every process except the first."""

    def on_step(self, result: StepResult) -> None:
        """Ignore the step."""

    def on_validation(self, step: int, psnr_db: float) -> None:
        """Ignore the PSNR."""
