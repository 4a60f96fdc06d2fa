"""A training run as data: what ``--recipe`` names."""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from training.data.noise import NoiseMixture


class Recipe(BaseModel):
    """Everything that decides the weights, but for the images.

    Exactly one of ``steps`` and ``minutes`` is the budget; the learning-rate schedule spans it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    architecture: str = "resunet"
    arguments: dict[str, Any] = Field(default_factory=dict)
    steps: int | None = Field(default=None, gt=0)
    minutes: float | None = Field(default=None, gt=0)
    patch: int = Field(default=80, gt=0)
    batch: int = Field(default=16, gt=0, description="Patches of one step, in each process.")
    sigma_max: float = Field(default=100, gt=0, description="0-255 scale.")
    sigma_power: float = Field(default=1, gt=0, description="sigma = sigma_max u^power, u uniform in [0, 1].")
    loss: Literal["l1", "l2", "psnr", "root"] = Field(
        default="l1",
        description="psnr: minus the patches' mean PSNR; root: the mean square root of their mean absolute errors.",
    )
    optimizer: Literal["muon", "adamw"] = "muon"
    learning_rate: float = Field(default=3e-3, gt=0, description="Of the kernels.")
    adamw_learning_rate: float = Field(default=1.5e-3, gt=0, description="Of what Muon does not move.")
    weight_decay: float = Field(default=1e-4, ge=0)
    warmup_steps: int = Field(default=200, ge=0)
    final_learning_rate: float = Field(default=5e-3, ge=0, le=1, description="Fraction left at the end.")
    gradient_norm: float = Field(default=1, gt=0)
    ema_decay: float = Field(default=0.999, ge=0, lt=1)
    scales: tuple[float, ...] = Field(
        default=(1.0,), min_length=1, description="Every image is read at each of these scales; at most 1."
    )
    permute_channels: bool = Field(default=False, description="Give each patch its colour channels in random order.")
    saturation: float = Field(
        default=1,
        ge=1,
        description="Enlarge each patch's colour differences by a factor from 1 to this.",
    )
    grain: float = Field(
        default=0,
        ge=0,
        description="Largest standard deviation (0-255 scale) of noise that is part of what is clean.",
    )
    detailed: float = Field(
        default=0, ge=0, le=1, description="Share of the crops that are the more detailed of two that were drawn."
    )
    noise: NoiseMixture | None = Field(
        default=None, description="What noise to remove; by default white noise of sigma_max and sigma_power."
    )
    start_share: float = Field(
        default=0,
        ge=0,
        lt=1,
        description="What is exported is this much of the weights that the run started from, and the rest its own "
        "(Wortsman et al. 2022, arXiv:2109.01903).",
    )
    precision: Literal["bf16", "fp32"] = Field(default="bf16", description="Float32 where a device has no bf16.")
    seed: int = Field(default=0, ge=0)

    @property
    def channels(self) -> int:
        """Image channels C of the network."""
        return int(self.arguments.get("channels", 1))

    @model_validator(mode="after")
    def _one_budget(self) -> Self:
        if (self.steps is None) == (self.minutes is None):
            raise ValueError("expected exactly one of steps and minutes")
        return self

    def with_budget(self, *, steps: int | None, minutes: float | None) -> "Recipe":
        """The same recipe with another budget, where one is given."""
        if steps is None and minutes is None:
            return self
        return Recipe.model_validate({**self.model_dump(), "steps": steps, "minutes": minutes})


def read_recipe(name: str) -> Recipe:
    """Read a shipped recipe by name, or any TOML file by path.

    Raises:
        ValueError: There is neither, or a field is wrong.
    """
    path = Path(name) if name.endswith(".toml") else files("training") / "recipes" / f"{name}.toml"
    if not path.is_file():
        raise ValueError(f"expected one of the recipes {', '.join(recipe_names())} or a .toml file, got {name!r}")
    try:
        return Recipe.model_validate(tomllib.loads(path.read_text()))
    except ValueError as exc:
        raise ValueError(f"{path}: {exc}") from exc


def recipe_names() -> list[str]:
    """Names of the shipped recipes."""
    entries = (files("training") / "recipes").iterdir()
    return sorted(entry.name.removesuffix(".toml") for entry in entries if entry.name.endswith(".toml"))
