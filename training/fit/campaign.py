"""``campaign``: several networks in turn, stage by stage, over as many sessions as it takes.

A plan is a TOML file with one ``[[stage]]`` per run. A stage is a training run of its own, with checkpoints and exact
resume, so the same command continues wherever it was interrupted. A stage may start from an earlier one by its name.
"""

import tomllib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field
from rich.console import Console

from biasfree.architectures import Network, build
from training.data.images import image_paths, read_pairs
from training.evaluate.model_file import model_file
from training.fit.checkpoint import BEST, Checkpoint
from training.fit.fields import checked
from training.fit.processes import rank_and_count
from training.fit.recipe import Recipe, read_recipe
from training.fit.run import run
from training.fit.start import Start
from training.fit.trainer import initialize
from training.fit.validation import has_pairs

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
        default=None,
        description="Name of an earlier stage, whose best weights it takes, or of a shipped model; or a run's folder, "
        "or a model file.",
    )
    minutes: float | None = Field(default=None, gt=0, description="Budget; defaults to the recipe's.")
    steps: int | None = Field(default=None, gt=0, description="Budget in steps.")

    def read_recipe(self) -> Recipe:
        """Read the recipe, with this stage's budget."""
        return read_recipe(self.recipe).with_budget(steps=self.steps, minutes=self.minutes)

    def is_finished(self, output: Path) -> bool:
        """Tell whether its run in the campaign's folder has spent its budget."""
        begun = Checkpoint.load(output / self.name)
        return begun is not None and self.read_recipe().progress(begun.step, begun.elapsed_s) >= 1


def read_plan(path: Path) -> list[Stage]:
    """Read the stages of a plan, and their recipes, so that a mistake does not show after hours.

    Raises:
        ValueError: The file is no plan, two stages have one name, a recipe does not exist, or a stage starts from one
            that does not come before it.
    """
    try:
        plan = tomllib.loads(path.read_text())
        if set(plan) != {"stage"}:
            raise ValueError(f"a plan consists of [[stage]] tables, but this has {', '.join(plan) or 'nothing'}")
        tables = plan["stage"]
        if not isinstance(tables, list) or not tables or not all(isinstance(each, dict) for each in tables):
            raise ValueError("a plan consists of one or more tables with the heading [[stage]], in double brackets")
        stages = [checked(Stage, each) for each in tables]
        names = [stage.name for stage in stages]
        if len(set(names)) < len(names):
            raise ValueError(f"two stages have the same name: {', '.join(names)}")
        for place, stage in enumerate(stages):
            stage.read_recipe()
            if stage.start_from in names[place:]:
                raise ValueError(f"stage {stage.name} starts from {stage.start_from}, which does not come before it")
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
        ValueError: A folder has no images, initial weights are missing or do not fit, or a run that was begun before
            has other settings. Folders and weights of all stages are checked before the first one trains.
        KeyboardInterrupt: The campaign was interrupted; the same command resumes it.
    """
    is_first = rank_and_count()[0] == 0
    left = [stage for stage in stages if not stage.is_finished(output)]
    _check(left, stages, data)
    try:
        for stage in left:
            run(
                stage.read_recipe(),
                images=data / stage.images,
                output=output / stage.name,
                validation=None if stage.validation is None else data / stage.validation,
                start_from=_start(stage, stages, data=data, output=output),
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

    ``dB per hour`` is the gain of the best measurement over the initial weights, per hour of training.
    """
    head = ["stage", "recipe", "measured on", "start, dB", "best, dB", "last, dB", "hours", "steps", "dB per hour"]
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


def _check(left: Sequence[Stage], stages: Sequence[Stage], data: Path) -> None:
    """Check folders and initial weights of the stages that are left, so that a mistake does not show after hours."""
    networks = {stage.name: _network(stage.read_recipe()) for stage in stages}
    for stage in left:
        recipe = stage.read_recipe()
        try:
            image_paths(data / stage.images)
            if stage.validation is not None:
                image_paths(data / stage.validation)
                if has_pairs(data / stage.validation):
                    read_pairs(data / stage.validation, channels=recipe.channels)
            initialize(_network(recipe), _checked_start(stage, networks, data), recipe)
        except ValueError as exc:
            raise ValueError(f"stage {stage.name}: {exc}") from exc


def _network(recipe: Recipe) -> Network:
    return build(recipe.architecture, recipe.arguments)


def _checked_start(stage: Stage, networks: Mapping[str, Network], data: Path) -> Start | None:
    """Return the initial weights of a stage; untrained ones if another stage is to train them."""
    if stage.start_from is None:
        return None
    earlier = networks.get(stage.start_from)
    if earlier is None:
        return Start.read(_place(stage.start_from, data, also=networks))
    return Start(earlier.state_dict(), [], int(earlier.arguments["channels"]))


def _start(stage: Stage, stages: Sequence[Stage], *, data: Path, output: Path) -> Path | None:
    if stage.start_from is None:
        return None
    names = {each.name for each in stages}
    if stage.start_from in names:
        return output / stage.start_from / BEST
    return _place(stage.start_from, data, also=names)


def _place(start_from: str, data: Path, *, also: Collection[str]) -> Path:
    """Return the path of initial weights: below ``data``, in the current folder, or of a shipped model.

    Raises:
        ValueError: There is none of these; the message suggests names, also those in ``also``.
    """
    for path in (data / start_from, Path(start_from)):
        if path.exists():
            return path
    return model_file(start_from, also=also)
