from dataclasses import replace

import pytest

from biasfree.architectures import Network
from biasfree.artifact import SHIPPED, Artifact
from service.analysis import worker
from service.analysis.task import Output, Task
from service.errors import AnalysisFailed, InvalidParameter
from tests.unit.biasfree.analysis.test_analyze import request_of


def served(name: str, *, output: Output = Output.JSON, **changes: object) -> Task:
    """A task for a shipped model, as the service makes them."""
    path = SHIPPED / f"{name}.onnx"
    artifact = Artifact.load(path)
    facts = {"model": {"name": name, "version": "1", "sha256": artifact.sha256}, "request_id": "a"}
    request = request_of(f"shipped {name}", **changes)
    return Task(path, artifact.sha256, "cpu", request, output, facts)


@pytest.mark.parametrize(("output", "start"), [(Output.JSON, b"{"), (Output.NPZ, b"PK"), (Output.PNG, b"\x89PNG")])
def test_the_worker_answers_in_every_form(output: Output, start: bytes) -> None:
    """From the model's file to bytes."""
    assert worker.run(served("gray", output=output)).startswith(start)


def test_a_model_file_that_changed_is_refused() -> None:
    """Otherwise /denoise and /analyze would speak of different networks."""
    with pytest.raises(AnalysisFailed, match="has changed since the service started"):
        worker.run(replace(served("gray"), model_sha256="0" * 64))


def test_a_matrix_beyond_the_memory_names_the_way_out() -> None:
    """With the numbers, and the method that needs no matrix."""
    with pytest.raises(InvalidParameter, match=r"takes 82944 bytes.*method=iterative"):
        worker.run(served("gray", method="dense", memory_bytes=8 * 82943))


def test_networks_are_read_once() -> None:
    """The second task finds the network that the first one read."""
    task = served("gray")
    first: Network = worker._network(task.model_path, task.model_sha256, "cpu")
    assert worker._network(task.model_path, task.model_sha256, "cpu") is first
