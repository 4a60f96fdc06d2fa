"""Campaigns of several runs."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.unit.training.fit.runs import assert_same, write_photographs
from training.fit import campaign as module
from training.fit.campaign import PAGE, campaign, read_plan
from training.fit.checkpoint import BEST, FILE, Checkpoint
from training.fit.recipe import Recipe
from training.fit.run import run
from training.fit.start import Start

RECIPE = """
architecture = "resunet"
arguments = { channels = 1, widths = [4, 8], blocks = 1, bottom_blocks = 1 }
steps = 6
patch = 16
batch = 4
precision = "fp32"
"""
PLAN = """
[[stage]]
name = "first"
recipe = "{recipe}"
images = "images"
validation = "pairs"

[[stage]]
name = "second"
recipe = "{recipe}"
images = "images"
validation = "pairs"
start_from = "first"
steps = 4
"""


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """Two stages, the second from the first, with their data."""
    write_photographs(tmp_path / "images", 4)
    for kind, seed in (("noisy", 50), ("clean", 60)):
        write_photographs(tmp_path / "pairs" / kind, 1, seed=seed)
    (tmp_path / "tiny.toml").write_text(RECIPE)
    path = tmp_path / "plan.toml"
    path.write_text(PLAN.format(recipe=tmp_path / "tiny.toml"))
    return path


def start(plan: Path, output: Path) -> None:
    """Run a campaign, with a measurement after every second step."""
    campaign(read_plan(plan), data=plan.parent, output=output, validate_every=2, checkpoint_every_s=0)


def test_stages_follow_each_other_and_are_written_down(plan: Path, tmp_path: Path) -> None:
    """The second starts from the best weights of the first, and says what it brought."""
    start(plan, tmp_path / "out")
    first, second = (Checkpoint.load(tmp_path / "out" / name) for name in ("first", "second"))
    assert first is not None
    assert second is not None
    taken = Start.read(tmp_path / "out/first" / BEST).stages[0]["steps"]
    assert [stage["steps"] for stage in second.stages] == [taken, 4]
    best = max(each.psnr_db for each in first.measurements)
    assert second.measurements[0].step == 0
    assert second.measurements[0].psnr_db == pytest.approx(best, abs=0.05)  # float16
    head, _, *rows = (tmp_path / "out" / PAGE).read_text().splitlines()
    assert [row.split(" | ")[0] for row in rows] == ["| first", "| second"]
    assert rows[1].split(" | ")[3:5] == [
        f"{second.measurements[0].psnr_db:.2f}",
        f"{max(each.psnr_db for each in second.measurements):.2f}",
    ]
    assert head.endswith("| dB per hour |")


def test_an_interrupted_campaign_continues_where_it_was(
    plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed within the second stage, it trains the rest of that stage, and does not touch the first again."""
    start(plan, tmp_path / "whole")

    def killed(recipe: Recipe, *, output: Path, **options: Any) -> None:
        if output.name == "second":
            run(recipe.with_budget(steps=2, minutes=None), output=output, **options)
            raise KeyboardInterrupt
        run(recipe, output=output, **options)

    monkeypatch.setattr(module, "run", killed)
    with pytest.raises(KeyboardInterrupt):
        start(plan, tmp_path / "out")
    assert "| 2 |" in (tmp_path / "out" / PAGE).read_text()
    monkeypatch.setattr(module, "run", run)
    first = (tmp_path / "out/first" / FILE).stat().st_mtime_ns
    start(plan, tmp_path / "out")
    assert (tmp_path / "out/first" / FILE).stat().st_mtime_ns == first
    resumed, whole = (Checkpoint.load(tmp_path / name / "second") for name in ("out", "whole"))
    assert resumed is not None
    assert whole is not None
    assert resumed.step == whole.step == 4
    assert all(torch.isfinite(value).all() for value in resumed.average.values())
    assert_same(Start.read(tmp_path / "out/first").weights, Start.read(tmp_path / "whole/first").weights)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('name = "second"', 'name = "first"', "the same name"),
        ("steps = 4", "stepps = 4", "stepps"),
        ("tiny.toml", "none.toml", "there is no recipe"),
        ("[[stage]]", "[[stages]]", "has stages"),
        ('start_from = "first"', 'start_from = "second"', "second, which does not come before it"),
        ("steps = 4", "steps = 0", "steps = 0: must be greater than 0"),
        ("steps = 4", "steps = 4\nminutes = 1", "exactly one of steps and minutes"),
        ('images = "images"', "", "the field images is missing"),
    ],
)
def test_a_mistake_in_a_plan_is_found_before_anything_runs(plan: Path, old: str, new: str, words: str) -> None:
    """With the name of the file."""
    plan.write_text(plan.read_text().replace(old, new))
    with pytest.raises(ValueError, match=rf"plan\.toml: (?s:.)*{words}"):
        read_plan(plan)


@pytest.mark.parametrize("text", ["stage = 3", "stage = []", "stage = [1]", "[stage]\nname = 'a'"])
def test_a_plan_without_tables_of_stages_is_refused(tmp_path: Path, text: str) -> None:
    """A single bracket, and no stage at all."""
    (tmp_path / "plan.toml").write_text(text)
    with pytest.raises(ValueError, match=r"plan\.toml: a plan consists of .* \[\[stage\]\], in double brackets$"):
        read_plan(tmp_path / "plan.toml")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('start_from = "first"', 'start_from = "frist"', "no file 'frist'; did you mean 'first'"),
        ('start_from = "first"', 'start_from = "images"', "images has no checkpoint to start from"),
        ('start_from = "first"', 'start_from = "gray"', "initial weights do not fit"),
        ('start_from = "first"', 'start_from = "color"', "initial weights are for 3 channel"),
        ('images = "images"', 'images = "none"', "there is no folder .*none"),
        ('validation = "pairs"', 'validation = "unequal"', "same size"),
    ],
)
def test_a_mistake_in_a_later_stage_is_found_before_the_first_trains(
    plan: Path, tmp_path: Path, old: str, new: str, words: str
) -> None:
    """Initial weights, folders and pairs; the message names the stage."""
    for kind, side in (("noisy", 24), ("clean", 30)):
        write_photographs(tmp_path / "unequal" / kind, 1, side=side)
    first, second = plan.read_text().split("\n\n")
    plan.write_text(f"{first}\n\n{second.replace(old, new)}")
    with pytest.raises(ValueError, match=f"stage second: .*{words}"):
        start(plan, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_weights_to_start_from_are_below_the_data(plan: Path, tmp_path: Path) -> None:
    """Like the other folders of a plan, unless their path is absolute."""
    start(plan, tmp_path / "out")
    plan.write_text(
        plan.read_text().replace('"second"', '"third"').replace('start_from = "first"', 'start_from = "out"')
    )
    (tmp_path / "out/first" / FILE).rename(tmp_path / "out" / FILE)
    start(plan, tmp_path / "again")
    third = Checkpoint.load(tmp_path / "again" / "third")
    assert third is not None
    assert [stage["steps"] for stage in third.stages] == [6, 4]


def test_a_budget_of_the_plan_replaces_that_of_the_recipe(plan: Path) -> None:
    """In steps or in minutes."""
    first, second = read_plan(plan)
    assert (first.read_recipe().steps, second.read_recipe().steps) == (6, 4)


def test_the_plan_in_the_documentation_is_one(tmp_path: Path) -> None:
    """Its recipes exist, and its last stage continues the one before."""
    page = (Path(__file__).parents[4] / "docs/training.md").read_text()
    (tmp_path / "plan.toml").write_text(page.split("```toml\n[[stage]]", 1)[1].split("```")[0].join(["[[stage]]", ""]))
    stages = read_plan(tmp_path / "plan.toml")
    assert stages[-1].start_from == stages[-2].name
