"""The state of a run on disk: written in one step, and read without unpickling anything but tensors."""

import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from biasfree.architectures import Network, build
from training.fit.recipe import Recipe

FILE = "checkpoint.pt"


@dataclass(frozen=True)
class Checkpoint:
    """A run after ``step`` steps and ``elapsed_s`` seconds of training."""

    recipe: Recipe
    step: int
    elapsed_s: float
    images: dict[str, str]
    network: dict[str, torch.Tensor]
    average: dict[str, torch.Tensor]
    optimizers: list[dict[str, Any]]
    earlier: list[dict[str, Any]] = field(default_factory=list)
    """Recipe, steps and seconds of each earlier run that led to the initial weights, oldest first."""
    start: dict[str, torch.Tensor] | None = None
    """The initial weights, if the recipe keeps a share of them."""

    def save(self, folder: Path) -> None:
        """Write ``folder/checkpoint.pt``, replacing an older one in one step."""
        state = {**vars(self), "recipe": self.recipe.model_dump()}
        partial = folder / f"{FILE}.partial"
        torch.save(state, partial)
        partial.replace(folder / FILE)

    @classmethod
    def load(cls, folder: Path) -> "Checkpoint | None":
        """Read ``folder/checkpoint.pt``; return ``None`` if the file does not exist.

        Raises:
            ValueError: The file is not a checkpoint of a training run.
        """
        path = folder / FILE
        if not path.exists():
            return None
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            return cls(**{**state, "recipe": Recipe.model_validate(state["recipe"])})
        except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, TypeError, ValueError) as exc:
            raise ValueError(f"{path} is damaged or not the checkpoint of a training run: {exc}") from exc

    @property
    def stages(self) -> list[dict[str, Any]]:
        """Return recipe, steps and seconds of every run that led to these weights, this one last."""
        this = {"recipe": self.recipe.model_dump(), "steps": self.step, "seconds": round(self.elapsed_s, 1)}
        return [*self.earlier, this]

    @property
    def weights(self) -> dict[str, torch.Tensor]:
        """Return the run's result: its averaged weights, mixed with the recipe's share of the initial weights."""
        if self.start is None:
            return self.average
        mixed = {
            name: value.lerp(self.start[name], self.recipe.start_share)
            for name, value in self.average.items()
            if value.is_floating_point()
        }
        return self.average | mixed

    def averaged_network(self) -> Network:
        """Build the network with ``weights``, in evaluation mode."""
        network = build(self.recipe.architecture, self.recipe.arguments)
        network.load_state_dict(self.weights)
        return network.eval()
