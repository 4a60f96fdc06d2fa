"""Weights that a run begins with."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch

from biasfree import rebuild
from biasfree.artifact import Artifact
from training.fit.checkpoint import Checkpoint


@dataclass(frozen=True)
class Start:
    """Averaged ``weights`` of an earlier run, and the ``stages`` behind them: recipe, steps, seconds; oldest first."""

    weights: dict[str, torch.Tensor]
    stages: list[dict[str, Any]]

    def for_channels(self, channels: int) -> dict[str, torch.Tensor]:
        """The weights, a gray network's as the ends of one of ``channels`` channels want them.

        Its first convolution is then given the mean of the channels, and each channel what the last one says of it.
        """
        weights = dict(self.weights)
        stage = self.stages[-1]["recipe"] if self.stages else {}
        if channels > 1 and stage.get("arguments", {}).get("channels", 1) == 1:
            weights["head.weight"] = weights["head.weight"].repeat(1, channels, 1, 1) / channels
            weights["tail.weight"] = weights["tail.weight"].repeat(channels, 1, 1, 1)
        return weights

    @classmethod
    def read(cls, path: Path) -> Self:
        """From the folder of a run, or from a model file.

        Raises:
            ValueError: There is neither.
        """
        if path.suffix == ".onnx":
            artifact = Artifact.load(path)
            stages = [stage.model_dump() for stage in artifact.card.training.stages]
            return cls(rebuild.network(artifact).state_dict(), stages)
        checkpoint = Checkpoint.load(path)
        if checkpoint is None:
            raise ValueError(f"expected a run or an .onnx model to start from in {path}, found none")
        return cls(checkpoint.weights, checkpoint.stages)
