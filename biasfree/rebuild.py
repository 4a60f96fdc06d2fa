"""The conversion of an artifact back to torch, so that the analysis uses the same weights as the service."""

import numpy as np
import torch

from biasfree.architectures import Network, build
from biasfree.artifact import Artifact, ArtifactError


def network(artifact: Artifact) -> Network:
    """Build the torch network of an artifact.

    Args:
        artifact: A verified model file.

    Returns:
        The network in evaluation mode, float32, on the CPU, with frozen parameters.

    Raises:
        ArtifactError: Architecture, arguments and weights do not match.
    """
    card = artifact.card
    state = {name: torch.from_numpy(np.array(values)) for name, values in artifact.weights.items()}
    try:
        built = build(card.architecture, card.arguments)
        built.load_state_dict(state)
    except (ValueError, RuntimeError) as exc:
        raise ArtifactError(f"cannot rebuild {artifact.path} as {card.architecture}: {exc}") from exc
    return built.eval().requires_grad_(False)
