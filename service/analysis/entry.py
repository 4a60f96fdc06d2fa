"""The entry points of the analysis process, which import torch only there."""

from service.analysis.task import Task


def carry_out(task: Task) -> bytes:
    """Carry out a task and return the answer in the requested format; errors as in ``worker.run``."""
    from service.analysis.worker import run

    return run(task)


def prepare() -> None:
    """Load everything the first analysis needs, when the process starts."""
    from service.analysis.worker import warm_up

    warm_up()
