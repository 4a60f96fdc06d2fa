"""What the analysis process may take. All of it is set in that process, before it computes anything.

Imports neither torch nor NumPy: the number of their threads is decided when they are loaded, and that is here.
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

#: Where both want the cores, the kernel's scheduler weighs /denoise (niceness 0) with 1024 and an analysis with 110:
#: beside one, 36 of 40 images a second were left, 20 at the same niceness. At 19 an analysis would stand still.
NICENESS = 10
#: The first that the kernel kills when the machine runs out of memory.
OOM_SCORE = 1000
#: <linux/prctl.h>: the signal to get when the parent ends.
PR_SET_PDEATHSIG = 1
#: Words with which allocators, the loader and the threads of Python say that memory ran out, besides ``MemoryError``.
OUT_OF_MEMORY = ("allocate memory", "not enough memory", "out of memory", "bad_alloc", "can't start new thread")
#: All that oneDNN says when it gets none for the code that it makes, in full: its other complaints begin alike.
ONEDNN_OUT_OF_MEMORY = ("could not create a primitive", "could not execute a primitive")


class UnforeseenError(Exception):
    """Something unforeseen was raised in the analysis process; the message is its traceback there.

    As text, because the exception itself may be of a class whose import takes seconds (torch's), or not be picklable.
    """


@dataclass(frozen=True)
class Confinement:
    """What the analysis process may take.

    Attributes:
        threads: Threads of torch.
        memory_bytes: Private memory, all of it; past it the analysis fails, and nothing else. None for no bound: CUDA
            maps far more than it uses. Only Linux enforces it.
    """

    threads: int
    memory_bytes: int | None


def confined(confinement: Confinement, path: Path) -> Any:
    """The analysis process: read a call and its task from a file, and make the call.

    A process that runs out of memory ends itself: what is left of its heap is nothing to go on with, and dying is what
    the other side has to understand anyway.

    Args:
        confinement: What the process may take.
        path: Pickle of a pair ``(call, task)``; loading it imports whatever the call needs.

    Raises:
        ServiceError: As the call raised it.
        UnforeseenError: The call raised anything else.
    """
    confine(confinement)
    return guarded(partial(_load_and_call, path))


def guarded(call: Callable[[], T]) -> T:
    """Make a call whose failures the other side understands.

    Raises:
        ServiceError: As the call raised it.
        UnforeseenError: The call raised anything else but want of memory, which ends the process.
    """
    try:
        return call()
    except ServiceError:
        raise
    except BaseException as exc:  # SystemExit too would otherwise be raised again in the service, and end it
        if _is_out_of_memory(exc):
            os._exit(1)
        raise UnforeseenError("".join(traceback.format_exception(exc))) from None


def _load_and_call(path: Path) -> Any:
    with path.open("rb") as file:
        # Nobody is left to do that where the service is killed meanwhile. Windows does not let go of an open file.
        with contextlib.suppress(PermissionError):
            path.unlink()
        call, task = pickle.load(file)  # noqa: S301  # our own parent wrote it, into a folder of its own
    return call(task)


def confine(confinement: Confinement) -> None:
    """Confine this process; a second time changes nothing."""
    os.environ.update(_thread_variables(confinement.threads))
    # A terminal's Ctrl-C and a supervisor's SIGTERM go to all processes; ours ends when the service says so.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    # Nobody reads this pipe: what native libraries write into it would block them once it is full.
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
        # NumPy's own algebra is not used, and each of its threads would take 40 MB of the memory when it is imported.
        "OPENBLAS_NUM_THREADS": "1",
        # Threads that wait for the next layer sleep instead of spinning on the cores of /denoise.
        "OMP_WAIT_POLICY": "PASSIVE",
    }


def _die_with_parent() -> None:
    """While it computes, the process would not notice that nobody waits any more; idle, it ends by itself."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _be_killed_first() -> None:
    # A container may have mounted /proc read-only.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE))


def _bound_memory(memory_bytes: int | None) -> None:
    """Bound private writable mappings: heap, arrays, thread stacks. Libraries and mapped files do not count."""
    if sys.platform != "linux":
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    # Without a bound, that of a call before is lifted: a process may have served another bulkhead.
    bound = resource.RLIM_INFINITY if memory_bytes is None else memory_bytes
    soft = max(bound, hard) if resource.RLIM_INFINITY in (bound, hard) else min(bound, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _is_out_of_memory(exc: BaseException) -> bool:
    """By name and words: torch has one class for CUDA, none for the CPU, and its words for both."""
    if isinstance(exc, MemoryError) or type(exc).__name__ == "OutOfMemoryError":
        return True
    words = str(exc).lower()
    told = words in ONEDNN_OUT_OF_MEMORY or any(each in words for each in OUT_OF_MEMORY)
    return isinstance(exc, RuntimeError | OSError | ImportError) and told
