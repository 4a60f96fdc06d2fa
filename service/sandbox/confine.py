"""The resource limits of the analysis process, which that process sets itself before it computes anything.

This module imports neither torch nor NumPy, because the number of their threads is fixed when they are loaded.
"""

import contextlib
import ctypes
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from service.errors import ServiceError

if sys.platform == "linux":
    import resource

T = TypeVar("T")

#: When both need the cores, the kernel's scheduler weights /denoise (niceness 0) with 1024 and an analysis with 110.
#: Beside an analysis, 36 of 40 images per second remained; at equal niceness 20. At 19 an analysis would not progress.
NICENESS = 10
#: The kernel kills this process first when the machine runs out of memory.
OOM_SCORE = 1000
#: <linux/prctl.h>: sets the signal to receive when the parent ends.
PR_SET_PDEATHSIG = 1
#: Messages of allocators, the loader and Python's threads on out-of-memory, besides ``MemoryError``.
OUT_OF_MEMORY = ("allocate memory", "not enough memory", "out of memory", "bad_alloc", "can't start new thread")
#: The complete messages of oneDNN when it has no memory for generated code; its other messages begin alike.
ONEDNN_OUT_OF_MEMORY = ("could not create a primitive", "could not execute a primitive")


class UnforeseenError(Exception):
    """The analysis process raised an unforeseen exception; the message is its traceback there.

    It is text because the class of the exception may take seconds to import (torch's), or may not be picklable.
    """


@dataclass(frozen=True)
class Confinement:
    """The resource limits of the analysis process.

    Attributes:
        threads: Threads of torch.
        memory_bytes: Limit on private memory; beyond it only the analysis fails. None for no limit, since CUDA maps far
            more than it uses. Only Linux enforces it.
    """

    threads: int
    memory_bytes: int | None


def confined(confinement: Confinement, path: Path) -> Any:
    """Read a call and its task from a file, and make the call; runs in the analysis process.

    A process that runs out of memory ends itself: its heap is unusable, and the service must handle its death anyway.

    Args:
        confinement: Resource limits of the process.
        path: Pickle of a pair ``(call, task)``; loading it imports everything the call needs.

    Raises:
        ServiceError: The call raised it.
        UnforeseenError: The call raised another exception.
    """
    confine(confinement)
    return guarded(partial(_load_and_call, path))


def guarded(call: Callable[[], T]) -> T:
    """Make a call, and convert its exceptions to those the service understands.

    Raises:
        ServiceError: The call raised it.
        UnforeseenError: The call raised another exception, except out-of-memory, which ends the process.
    """
    try:
        return call()
    except ServiceError:
        raise
    except BaseException as exc:  # includes SystemExit, which would otherwise be raised again in the service and end it
        if _is_out_of_memory(exc):
            os._exit(1)
        raise UnforeseenError("".join(traceback.format_exception(exc))) from None


def _load_and_call(path: Path) -> Any:
    with path.open("rb") as file:
        # If the service is killed meanwhile, nobody else deletes it. Windows cannot delete an open file.
        with contextlib.suppress(PermissionError):
            path.unlink()
        call, task = pickle.load(file)  # noqa: S301  # the parent process wrote it, to a private folder
    return call(task)


def confine(confinement: Confinement) -> None:
    """Apply the limits to this process; repeating it has no effect."""
    os.environ.update(_thread_variables(confinement.threads))
    # A terminal's Ctrl-C and a supervisor's SIGTERM go to all processes; the service ends this one itself.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    # Nobody reads this pipe: native libraries that write to it would block once it is full.
    with Path(os.devnull).open("wb") as nothing:
        os.dup2(nothing.fileno(), 2)
    if sys.platform != "win32":
        os.setpriority(os.PRIO_PROCESS, 0, max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
    if sys.platform == "linux":
        _die_with_parent()
        _be_killed_first()
        _bound_memory(confinement.memory_bytes)


def _thread_variables(threads: int) -> dict[str, str]:
    return {
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        # NumPy's linear algebra is not used, and each of its threads would take 40 MB on import.
        "OPENBLAS_NUM_THREADS": "1",
        # Threads that wait for the next layer sleep instead of spinning on the cores of /denoise.
        "OMP_WAIT_POLICY": "PASSIVE",
    }


def _die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends, which it would not notice while it computes."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _be_killed_first() -> None:
    # A container may have mounted /proc read-only.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE))


def _bound_memory(memory_bytes: int | None) -> None:
    """Limit private writable mappings: heap, arrays, thread stacks. Libraries and mapped files do not count."""
    if sys.platform != "linux":
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    # Without a limit, remove that of an earlier call: the process may have served another bulkhead.
    bound = resource.RLIM_INFINITY if memory_bytes is None else memory_bytes
    soft = max(bound, hard) if resource.RLIM_INFINITY in (bound, hard) else min(bound, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _is_out_of_memory(exc: BaseException) -> bool:
    """Tell by class and message whether memory ran out: torch has a class for CUDA only, and messages for both."""
    if isinstance(exc, MemoryError) or type(exc).__name__ == "OutOfMemoryError":
        return True
    words = str(exc).lower()
    told = words in ONEDNN_OUT_OF_MEMORY or any(each in words for each in OUT_OF_MEMORY)
    return isinstance(exc, RuntimeError | OSError | ImportError) and told
