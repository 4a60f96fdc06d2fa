"""Training recipes: the settings of a run, read from the file that ``--recipe`` names."""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from biasfree.options import suggestion
from training.data.noise import NoiseMixture
from training.fit.fields import checked


class Recipe(BaseModel):
    """All settings that determine the weights, apart from the images.

    The budget is either ``steps`` or ``minutes``; the learning-rate schedule spans it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    architecture: str = "resunet"
    arguments: dict[str, Any] = Field(default_factory=dict)
    steps: int | None = Field(default=None, gt=0)
    minutes: float | None = Field(default=None, gt=0)
    patch: int = Field(default=80, gt=0)
    batch: int = Field(default=16, gt=0, description="Patches per step in each process.")
    sigma_max: float = Field(default=100, gt=0, description="0-255 scale.")
    sigma_power: float = Field(default=1, gt=0, description="sigma = sigma_max u^power, u uniform in [0, 1].")
    loss: Literal["l1", "l2", "psnr", "root"] = Field(
        default="l1",
        description="psnr: negative mean PSNR of the patches; root: mean square root of their mean absolute errors.",
    )
    optimizer: Literal["muon", "adamw"] = "muon"
    learning_rate: float = Field(default=3e-3, gt=0, description="Learning rate of the kernels.")
    adamw_learning_rate: float = Field(
        default=1.5e-3, gt=0, description="Learning rate of the parameters that Muon does not update."
    )
    weight_decay: float = Field(default=1e-4, ge=0)
    warmup_steps: int = Field(default=200, ge=0)
    final_learning_rate: float = Field(
        default=5e-3, ge=0, le=1, description="Learning rate at the end, as a fraction of the peak."
    )
    gradient_norm: float = Field(default=1, gt=0)
    ema_decay: float = Field(default=0.999, ge=0, lt=1)
    scales: tuple[float, ...] = Field(
        default=(1.0,), min_length=1, description="Every image is used at each of these scales, at most 1."
    )
    permute_channels: bool = Field(default=False, description="Shuffle the color channels of each patch.")
    saturation: float = Field(
        default=1,
        ge=1,
        description="Largest factor that enlarges each patch's color differences; the least is 1.",
    )
    grain: float = Field(
        default=0,
        ge=0,
        description="Largest standard deviation (0-255 scale) of the grain added to clean patches, which is kept.",
    )
    detailed: float = Field(default=0, ge=0, le=1, description="Share of the crops that are the more detailed of two.")
    noise: NoiseMixture | None = Field(
        default=None, description="Noise to remove; defaults to white noise given by sigma_max and sigma_power."
    )
    start_share: float = Field(
        default=0,
        ge=0,
        lt=1,
        description="Share of the initial weights in the exported weights (Wortsman et al. 2022, arXiv:2109.01903).",
    )
    precision: Literal["bf16", "fp32"] = Field(default="bf16", description="Devices without bf16 use float32.")
    seed: int = Field(default=0, ge=0)

    @property
    def channels(self) -> int:
        """Return the network's number of image channels, C."""
        return int(self.arguments.get("channels", 1))

    @model_validator(mode="after")
    def _one_budget(self) -> Self:
        if (self.steps is None) == (self.minutes is None):
            raise ValueError("a recipe needs exactly one of steps and minutes as its budget")
        return self

    @model_validator(mode="after")
    def _gray_or_color(self) -> Self:
        channels = self.arguments.get("channels", 1)
        if channels not in (1, 3):
            raise ValueError(f"arguments.channels = {channels!r}: must be 1 for gray or 3 for color")
        return self

    def progress(self, step: int, elapsed_s: float) -> float:
        """Return how much of the budget is spent, from 0; 1 and more is all of it."""
        if self.steps is not None:
            return step / self.steps
        assert self.minutes is not None
        return elapsed_s / (60 * self.minutes)

    def with_budget(self, *, steps: int | None, minutes: float | None) -> "Recipe":
        """Return the recipe with the given budget, or unchanged if both are None.

        Raises:
            ValueError: Both are given, or one is not above 0.
        """
        if steps is None and minutes is None:
            return self
        return checked(Recipe, {**self.model_dump(), "steps": steps, "minutes": minutes})


#: Budgets that are too small for a network with weights of its own: the shipped ones took an hour or more.
LEAST_MINUTES, LEAST_STEPS = 30, 2000


def shortness(recipe: Recipe) -> str | None:
    """Return a sentence about a budget that is far too small to train a network from nothing; None if it is not."""
    if recipe.minutes is not None and recipe.minutes < LEAST_MINUTES:
        budget = f"{recipe.minutes:g} minutes"
    elif recipe.steps is not None and recipe.steps < LEAST_STEPS:
        budget = f"{recipe.steps} steps"
    else:
        return None
    return (
        f"A training of {budget} is far too short for a usable network: it only shows that everything works. "
        "The shipped networks took an hour or more."
    )


def read_recipe(name: str) -> Recipe:
    """Read a shipped recipe by name, or a TOML file by path.

    Raises:
        ValueError: The recipe does not exist, or a field is invalid.
    """
    path = Path(name) if name.endswith(".toml") else files("training") / "recipes" / f"{name}.toml"
    if not path.is_file():
        raise ValueError(f"there is no recipe {name!r}; {suggestion(name, [*recipe_names(), 'a .toml file'])}")
    try:
        return checked(Recipe, tomllib.loads(path.read_text()))
    except ValueError as exc:
        raise ValueError(f"{path}: {exc}") from exc


def recipe_names() -> list[str]:
    """Return the names of the shipped recipes."""
    entries = (files("training") / "recipes").iterdir()
    return sorted(entry.name.removesuffix(".toml") for entry in entries if entry.name.endswith(".toml"))
