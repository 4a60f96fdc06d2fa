"""What every test shares."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.servers import running_server

# No timing assertions: a busy machine is not a failure. The same examples on every run.
settings.register_profile("biasfree", deadline=None, derandomize=True)
settings.load_profile("biasfree")

# Thousands of tests and their libraries stay until the end: the garbage collector need not go through them.
gc.disable()


def pytest_collection_finish() -> None:
    """Collect garbage again, but of nothing that is there by now."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def server(default_models: Path) -> Iterator[str]:
    """URL of ``python -m service`` with its defaults, on a free port; one for all tests of a process, ended by SIGTERM.

    An analysis has the lowest priority: beside other tests one takes longer than the setting's two minutes.
    """
    with running_server(BIASFREE_ANALYSIS_TIMEOUT_S="300", BIASFREE_MODELS_DIR=str(default_models)) as url:
        yield url


@pytest.fixture(scope="session")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder for ``BIASFREE_MODELS_DIR`` in which a stand-in replaces every shipped network."""
    from tests.integration.stand_ins import write_stand_ins

    return write_stand_ins(tmp_path_factory.mktemp("stand-ins"))


@pytest.fixture(scope="session")
def gray_alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, in which ``gray`` is the shipped network: for tests of what happens while it is busy."""
    from tests.integration.stand_ins import write_stand_ins

    return write_stand_ins(tmp_path_factory.mktemp("gray-alone"), but={"gray"})


@pytest.fixture(scope="session")
def default_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, in which the default networks are the shipped ones: a start takes 3 seconds instead of 8.

    The best ones for white noise are the default ones, renamed.
    """
    from tests.integration.stand_ins import write_renamed, write_stand_ins

    folder = tmp_path_factory.mktemp("default-models")
    for name in ("gray", "color"):
        write_renamed(folder, name, f"{name}-best")
    return write_stand_ins(folder, but={"gray", "gray-real", "gray-best", "color", "color-real", "color-best"})
