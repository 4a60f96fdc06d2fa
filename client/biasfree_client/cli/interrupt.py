"""Ctrl-C ends a command, whatever it is at."""

import os
import signal
from types import FrameType
from typing import NoReturn

#: As shells count: 128 and the number of the interrupt signal.
INTERRUPTED = 130
MESSAGE = "interrupted"
#: Seconds for an orderly end.
GRACE_S = 5.0


def end_on_interrupt() -> None:
    """Raise KeyboardInterrupt at the interrupt signal, and end the process if it is still there after ``GRACE_S``.

    Python drops what is raised in a destructor or in the callback of a weak reference, and an exception between two
    instructions can leave a lock behind: rare, but then nothing would hear of the signal any more.
    """
    # A shell starts what runs in the background with the signal ignored. Windows has no alarm.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler and hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, _end)
        signal.signal(signal.SIGINT, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    signal.setitimer(signal.ITIMER_REAL, GRACE_S)
    raise KeyboardInterrupt


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    # Not by way of Python's files, whose locks may be what is held.
    os.write(2, f"{MESSAGE}\n".encode())
    os._exit(INTERRUPTED)
