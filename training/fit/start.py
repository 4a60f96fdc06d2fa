"""The initial weights of a run, from an earlier run or a model file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch

from biasfree import rebuild
from biasfree.artifact import Artifact
from training.evaluate.model_file import model_file
from training.fit.checkpoint import Checkpoint


@dataclass(frozen=True)
class Start:
    """Weights of a network for ``channels`` image channels to start from.

    ``stages`` has recipe, steps and seconds of each run that led to them, oldest first.
    """

    weights: dict[str, torch.Tensor]
    stages: list[dict[str, Any]]
    channels: int

    def for_channels(self, channels: int) -> dict[str, torch.Tensor]:
        """Return the weights for ``channels`` channels, adapting those of a gray network.

        The first convolution then gets the mean of the channels, and the last gives every channel the same output.

        Raises:
            ValueError: The weights are for color and ``channels`` is 1, or the network cannot be adapted.
        """
        weights = dict(self.weights)
        if channels == self.channels:
            return weights
        if self.channels != 1 or not {"head.weight", "tail.weight"} <= weights.keys():
            raise ValueError(
                f"the initial weights are for {self.channels} channel(s), but the recipe has {channels}: "
                "start from other weights, or use another recipe"
            )
        weights["head.weight"] = weights["head.weight"].repeat(1, channels, 1, 1) / channels
        weights["tail.weight"] = weights["tail.weight"].repeat(channels, 1, 1, 1)
        return weights

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the weights of a run's folder, of a checkpoint file, of a model file or of a shipped model by its name.

        Raises:
            ValueError: The path is none of these.
        """
        if not path.exists():
            path = model_file(path)
        if path.suffix == ".onnx":
            artifact = Artifact.load(path)
            stages = [stage.model_dump() for stage in artifact.card.training.stages]
            return cls(rebuild.network(artifact).state_dict(), stages, artifact.card.channels)
        checkpoint = Checkpoint.load(path)
        if checkpoint is None:
            raise ValueError(
                f"{path} has no checkpoint to start from; name the folder of a run, its best.pt or an .onnx model"
            )
        return cls(checkpoint.weights, checkpoint.stages, checkpoint.recipe.channels)
