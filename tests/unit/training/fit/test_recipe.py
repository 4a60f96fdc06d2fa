"""Recipes."""

from pathlib import Path

import pytest

from biasfree.architectures import build
from training.fit.recipe import Recipe, read_recipe, recipe_names, shortness


@pytest.mark.parametrize("name", recipe_names())
def test_shipped_recipe_builds_its_network(name: str) -> None:
    """It is bias-free and has the recipe's number of channels."""
    recipe = read_recipe(name)
    network = build(recipe.architecture, recipe.arguments)
    assert network.arguments["channels"] == recipe.channels
    assert not network.arguments["bias"]


def test_recipes_for_gray_and_color_are_shipped() -> None:
    """They belong to the two models of the service."""
    assert {"gray", "color"} <= set(recipe_names())


def test_unknown_field_is_refused(tmp_path: Path) -> None:
    """A misspelled setting does not silently become the default."""
    (tmp_path / "mine.toml").write_text("steps = 10\nlearning_rte = 1.0\n")
    with pytest.raises(
        ValueError, match=r"mine\.toml: there is no field learning_rte; did you mean 'learning_rate'\?$"
    ):
        read_recipe(str(tmp_path / "mine.toml"))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("batch = 0", "batch = 0: must be greater than 0"),
        ("detailed = 2.0", r"detailed = 2\.0: must be from 0(\.0)? to 1(\.0)?"),
        ("loss = 'l3'", "loss = 'l3': must be 'l1', 'l2', 'psnr' or 'root'"),
        ("[noise.camera]\nshar = 1", r"there is no field noise\.camera\.shar; did you mean 'share'\?"),
        ("arguments = { channels = 2 }", r"arguments\.channels = 2: must be 1 for gray or 3 for color"),
    ],
)
def test_an_invalid_field_is_one_sentence(tmp_path: Path, line: str, words: str) -> None:
    """It names the field and what is allowed, and no page of pydantic."""
    (tmp_path / "mine.toml").write_text(f"steps = 10\n{line}\n")
    with pytest.raises(ValueError, match=rf"mine\.toml: {words}$") as refused:
        read_recipe(str(tmp_path / "mine.toml"))
    assert "\n" not in str(refused.value)


def test_a_budget_that_is_none_is_one_sentence() -> None:
    """Zero steps, and steps together with minutes."""
    with pytest.raises(ValueError, match=r"^steps = 0: must be greater than 0$"):
        Recipe(steps=5).with_budget(steps=0, minutes=None)
    with pytest.raises(ValueError, match=r"^a recipe needs exactly one of steps and minutes as its budget$"):
        Recipe(steps=5).with_budget(steps=2, minutes=1)


@pytest.mark.parametrize("budget", [{}, {"steps": 5, "minutes": 1}], ids=["none", "both"])
def test_budget_is_either_steps_or_minutes(budget: dict[str, int]) -> None:
    """A recipe needs exactly one of them."""
    with pytest.raises(ValueError, match="exactly one of steps and minutes"):
        Recipe(**budget)


def test_other_budget_replaces_the_first() -> None:
    """Minutes replace steps, and nothing else changes."""
    recipe = Recipe(steps=5, patch=33)
    assert recipe.with_budget(steps=None, minutes=2) == Recipe(minutes=2, patch=33)
    assert recipe.with_budget(steps=None, minutes=None) is recipe


def test_missing_recipe_names_those_there_are(tmp_path: Path) -> None:
    """It may be missing by name or by path; a typo is answered with a suggestion."""
    with pytest.raises(ValueError, match=r"no recipe 'grey'; did you mean 'gray'\?"):
        read_recipe("grey")
    with pytest.raises(ValueError, match=r"use any of color, .*gray, .*, a \.toml file$"):
        read_recipe("sharpen")
    with pytest.raises(ValueError, match="none"):
        read_recipe(str(tmp_path / "none.toml"))


@pytest.mark.parametrize(
    ("budget", "said"),
    [({"minutes": 2}, "2 minutes"), ({"steps": 50}, "50 steps"), ({"minutes": 120}, None), ({"steps": 20_000}, None)],
)
def test_a_budget_that_is_far_too_small_is_said(budget: dict[str, int], said: str | None) -> None:
    """The sentence names the budget."""
    sentence = shortness(Recipe(**budget))
    assert (sentence is None) == (said is None)
    assert said is None or f"A training of {said} is far too short" in str(sentence)
