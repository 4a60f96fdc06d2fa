"""What every test of the training has in common."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.unit.training.data.servers import Server, serving


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Tiny networks lose more to threads that wait for each other than they gain, most of all on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server of the folder ``served``."""
    folder = tmp_path / "served"
    folder.mkdir()
    with serving(folder) as served:
        yield served
