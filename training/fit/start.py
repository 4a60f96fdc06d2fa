"""The initial weights of a run, from an earlier run or a model file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch

from biasfree import rebuild
from biasfree.artifact import Artifact
from training.fit.checkpoint import Checkpoint


@dataclass(frozen=True)
class Start:
    """Weights to start from, with recipe, steps and seconds of each stage that led to them, oldest first."""

    weights: dict[str, torch.Tensor]
    stages: list[dict[str, Any]]

    def for_channels(self, channels: int) -> dict[str, torch.Tensor]:
        """Return the weights for ``channels`` channels, adapting those of a gray network.

        The first convolution then gets the mean of the channels, and the last gives every channel the same output.
        """
        weights = dict(self.weights)
        stage = self.stages[-1]["recipe"] if self.stages else {}
        if channels > 1 and stage.get("arguments", {}).get("channels", 1) == 1:
            weights["head.weight"] = weights["head.weight"].repeat(1, channels, 1, 1) / channels
            weights["tail.weight"] = weights["tail.weight"].repeat(channels, 1, 1, 1)
        return weights

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the weights of a run's folder, of a checkpoint file or of a model file.

        Raises:
            ValueError: The path is neither.
        """
        if path.suffix == ".onnx":
            artifact = Artifact.load(path)
            stages = [stage.model_dump() for stage in artifact.card.training.stages]
            return cls(rebuild.network(artifact).state_dict(), stages)
        checkpoint = Checkpoint.load(path)
        if checkpoint is None:
            raise ValueError(
                f"{path} has no checkpoint to start from; name the folder of a run, its best.pt or an .onnx model"
            )
        return cls(checkpoint.weights, checkpoint.stages)
