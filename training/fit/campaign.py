"""``campaign``: several networks in turn, stage by stage, over as many sessions as it takes.

A plan is a TOML file with one ``[[stage]]`` per run. A stage is a training run of its own, with checkpoints and exact
resume, so the same command continues wherever it was interrupted. A stage may start from an earlier one by its name.
"""

import tomllib
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field
from rich.console import Console

from training.fit.checkpoint import BEST, Checkpoint
from training.fit.processes import rank_and_count
from training.fit.recipe import Recipe, read_recipe
from training.fit.run import run

#: Page with the table of stages, in the campaign's folder.
PAGE = "campaign.md"


class Stage(BaseModel):
    """One run of a campaign. Folders are relative to the campaign's ``--data``, unless they are absolute."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[\w-]+$", description="Name of its folder.")
    recipe: str = Field(description="Name of a shipped recipe, or a .toml file.")
    images: Path = Field(description="Folder of photographs to train on.")
    validation: Path | None = Field(default=None, description="Folder of clean images or real pairs to measure on.")
    start_from: str | None = Field(
        default=None, description="Name of an earlier stage, whose best weights it takes; or a run's folder or a model."
    )
    minutes: float | None = Field(default=None, gt=0, description="Budget; defaults to the recipe's.")
    steps: int | None = Field(default=None, gt=0, description="Budget in steps.")

    def read_recipe(self) -> Recipe:
        """Read the recipe, with this stage's budget."""
        return read_recipe(self.recipe).with_budget(steps=self.steps, minutes=self.minutes)


def read_plan(path: Path) -> list[Stage]:
    """Read the stages of a plan, and their recipes, so that a mistake does not show after hours.

    Raises:
        ValueError: The file is no plan, two stages have one name, or a recipe does not exist.
    """
    try:
        plan = tomllib.loads(path.read_text())
        if set(plan) != {"stage"}:
            raise ValueError(f"a plan consists of [[stage]] tables, but this has {', '.join(plan) or 'nothing'}")
        stages = [Stage.model_validate(each) for each in plan["stage"]]
        names = [stage.name for stage in stages]
        if len(set(names)) < len(names):
            raise ValueError(f"two stages have the same name: {', '.join(names)}")
        for stage in stages:
            stage.read_recipe()
    except ValueError as exc:
        raise ValueError(f"{path}: {exc}") from exc
    return stages


def campaign(
    stages: Sequence[Stage],
    *,
    data: Path,
    output: Path,
    validate_every: int,
    checkpoint_every_s: float,
    device: str | None = None,
    workers: int = 0,
    console: Console | None = None,
) -> None:
    """Run all stages that are not finished, in their order, and write the table of all.

    Every process of ``torchrun`` calls it, and all train the same stage together.

    Args:
        stages: The stages, from ``read_plan``.
        data: Folder that the stages' folders are relative to.
        output: Folder of the campaign: one folder per stage, and ``campaign.md``.
        validate_every: Steps between measurements.
        checkpoint_every_s: Seconds between checkpoints.
        device: torch device; defaults to CUDA if available.
        workers: Worker processes that make the pairs ahead of the training.
        console: Console to print the table to.

    Raises:
        ValueError: A folder has no images, or does not fit a run that was begun before.
        KeyboardInterrupt: The campaign was interrupted; the same command resumes it.
    """
    is_first = rank_and_count()[0] == 0
    try:
        for stage in stages:
            recipe, folder = stage.read_recipe(), output / stage.name
            begun = Checkpoint.load(folder)
            if begun is not None and recipe.progress(begun.step, begun.elapsed_s) >= 1:
                continue
            run(
                recipe,
                images=data / stage.images,
                output=folder,
                validation=None if stage.validation is None else data / stage.validation,
                start_from=_start(stage, stages, output),
                validate_every=validate_every,
                checkpoint_every_s=checkpoint_every_s,
                device=device,
                workers=workers,
            )
    finally:
        if is_first and output.is_dir():
            page = table(stages, output)
            (output / PAGE).write_text(page)
            if console is not None:
                console.print(page)


def table(stages: Sequence[Stage], output: Path) -> str:
    """Return what each stage has reached so far, as a Markdown table.

    An hour's worth is the gain of the best measurement over the initial weights, per hour of training.
    """
    head = ["stage", "recipe", "measured on", "start, dB", "best, dB", "last, dB", "hours", "steps", "dB an hour"]
    rows = [head, ["---"] * len(head)]
    for stage in stages:
        begun = Checkpoint.load(output / stage.name)
        measured_on = "held-out images" if stage.validation is None else stage.validation.name
        rows.append([stage.name, Path(stage.recipe).stem, measured_on, *_reached(begun)])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _reached(begun: Checkpoint | None) -> list[str]:
    if begun is None or not begun.measurements:
        return ["-"] * 6
    first, *_, last = [begun.measurements[0], *begun.measurements]
    best = max(each.psnr_db for each in begun.measurements)
    hours = begun.elapsed_s / 3600
    started = first.step == 0
    return [
        f"{first.psnr_db:.2f}" if started else "-",
        f"{best:.2f}",
        f"{last.psnr_db:.2f}",
        f"{hours:.2f}",
        str(begun.step),
        f"{(best - first.psnr_db) / hours:+.2f}" if started and hours else "-",
    ]


def _start(stage: Stage, stages: Sequence[Stage], output: Path) -> Path | None:
    if stage.start_from is None:
        return None
    earlier = {each.name for each in stages}
    return output / stage.start_from / BEST if stage.start_from in earlier else Path(stage.start_from)
