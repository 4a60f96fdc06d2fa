"""The work of the analysis process. Importing this module imports torch."""

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
    """Carry out a task and return the answer in the requested format.

    Raises:
        AnalysisFailed: The model file has changed since the service started.
        InvalidParameter: The task asks for the dense method, and its matrix does not fit in memory.
    """
    network = _network(task.model_path, task.model_sha256, task.device)
    try:
        report = analyze(network, task.request)
    except OutOfMemoryBudget as exc:
        raise InvalidParameter(str(exc)) from exc
    return render(report, task.output, task.facts)


@cache
def warm_up() -> None:
    """Set up the process: load the parts of torch that would otherwise load during the first analysis."""
    # Set per process: arithmetic with numbers below 1e-38 is slow. An untrained DnCNN took 87 s instead of 16 s.
    torch.set_flush_denormal(True)
    network, noisy = DnCNN(depth=3, width=2, normalise=False).eval(), torch.ones(1, 4, 4)
    dense(Jacobian(network, noisy), memory_bytes=2**20)
    linear_region(network, noisy)


@lru_cache(maxsize=8)
def _network(path: Path, sha256: str, device: str) -> Network:
    artifact = Artifact.load(path)
    if artifact.sha256 != sha256:
        raise AnalysisFailed(
            f"the file of model {artifact.card.name!r} has changed since the service started: restart the service"
        )
    return rebuild.network(artifact).to(device)
