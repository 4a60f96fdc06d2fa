"""Fixtures for every test of the training."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.unit.exporter import one_table
from tests.unit.training.data.servers import Server, serving


@pytest.fixture(scope="session", autouse=True)
def _one_table() -> Iterator[None]:
    """Let all exports share the exporter's table of operators."""
    with one_table():
        yield


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Run torch on one thread: for tiny networks more threads cost more than they gain, above all on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Serve the folder ``served``."""
    folder = tmp_path / "served"
    folder.mkdir()
    with serving(folder) as served:
        yield served
