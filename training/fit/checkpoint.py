"""The state of a run on disk: written in one step, and read without unpickling anything but tensors."""

import pickle
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from biasfree.architectures import Network, build
from training.fit.fields import checked
from training.fit.recipe import Recipe

FILE = "checkpoint.pt"
#: The averaged weights of the best measurement alone, float16: a sixth of a checkpoint.
BEST = "best.pt"


@dataclass(frozen=True)
class Measurement:
    """The PSNR of the averaged network in dB, after ``step`` steps and ``elapsed_s`` seconds of training."""

    step: int
    elapsed_s: float
    psnr_db: float


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
    measurements: list[Measurement] = field(default_factory=list)
    """Measurements so far, oldest first; the first is that of the initial weights, if the run had some."""

    def save(self, folder: Path, name: str = FILE) -> None:
        """Write ``folder/name``, replacing an older file in one step."""
        measurements = [vars(each) for each in self.measurements]
        state = {**vars(self), "recipe": self.recipe.model_dump(), "measurements": measurements}
        partial = folder / f"{name}.partial"
        torch.save(state, partial)
        partial.replace(folder / name)

    def weights_alone(self) -> "Checkpoint":
        """Return the same run with its result in float16 and nothing to resume from."""
        halves = {name: value.half() if value.is_floating_point() else value for name, value in self.weights.items()}
        return replace(self, network={}, average=halves, optimizers=[], start=None)

    @classmethod
    def load(cls, path: Path) -> "Checkpoint | None":
        """Read a checkpoint file, or that of a run's folder; return ``None`` if it does not exist.

        Raises:
            ValueError: The file is not a checkpoint of a training run.
        """
        path = path if path.suffix == ".pt" else path / FILE
        if not path.exists():
            return None
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            recipe = checked(Recipe, state["recipe"])
            measurements = [Measurement(**each) for each in state.get("measurements", [])]
            average = {
                name: value.float() if value.is_floating_point() else value for name, value in state["average"].items()
            }
            return cls(**{**state, "recipe": recipe, "average": average, "measurements": measurements})
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
