"""What runs in the analysis process. Importing this imports torch."""

from functools import cache, lru_cache
from pathlib import Path

import torch

from biasfree import rebuild
from biasfree.analysis.analyze import analyze
from biasfree.analysis.jacobian import Jacobian, OutOfMemoryBudget
from biasfree.analysis.regions import linear_region
from biasfree.analysis.spectrum import dense
from biasfree.architectures import DnCNN, Network
from biasfree.artifact import Artifact
from service.analysis.render import render
from service.analysis.task import Task
from service.errors import AnalysisFailed, InvalidParameter


def run(task: Task) -> bytes:
    """Carry out a task; the answer in the form it asks for.

    Raises:
        AnalysisFailed: The model file is another one now than at the start of the service.
        InvalidParameter: The dense method was asked for, and its matrix does not fit into the memory.
    """
    network = _network(task.model_path, task.model_sha256, task.device)
    try:
        report = analyze(network, task.request)
    except OutOfMemoryBudget as exc:
        raise InvalidParameter(f"{exc}; method=iterative needs no matrix") from exc
    return render(report, task.output, task.facts)


@cache
def warm_up() -> None:
    """Set the process up: have torch load what it loads when it is first used, instead of in the first analysis."""
    # State of the processor. With numbers below 1e-38 it is slow: an untrained DnCNN took 87 s instead of 16.
    torch.set_flush_denormal(True)
    network, noisy = DnCNN(depth=3, width=2, normalise=False).eval(), torch.ones(1, 4, 4)
    dense(Jacobian(network, noisy), memory_bytes=2**20)
    linear_region(network, noisy)


@lru_cache(maxsize=8)
def _network(path: Path, sha256: str, device: str) -> Network:
    artifact = Artifact.load(path)
    if artifact.sha256 != sha256:
        raise AnalysisFailed(f"the file of model {artifact.card.name!r} has changed since the service started")
    return rebuild.network(artifact).to(device)
