"""Photographs to measure on."""

from pathlib import Path

import pytest

from tests.unit.training.fit.runs import write_photographs


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Write three photographs."""
    return write_photographs(tmp_path / "photographs", 3)
