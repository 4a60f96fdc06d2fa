"""Functions called in the analysis process, which load torch only there."""

from service.analysis.task import Task


def carry_out(task: Task) -> bytes:
    """Return the answer in the form that the task asks for; errors as ``worker.run``."""
    from service.analysis.worker import run

    return run(task)


def prepare() -> None:
    """Load what the first analysis needs, when the process starts."""
    from service.analysis.worker import warm_up

    warm_up()
