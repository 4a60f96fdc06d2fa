"""The scheduling priority of threads."""

import os
import sys
import threading

#: Niceness of the bulk lane. Beside a busy express lane it gets a quarter of the processor (weights 335 and 1024 of
#: Linux's scheduler): it hardly delays small images, and large ones still finish. The analysis process, at 10, gives
#: way to both.
BULK_NICENESS = 5


def give_way() -> None:
    """Lower the priority of the calling thread and of the threads it starts; only Linux has priorities per thread."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, max(BULK_NICENESS, os.getpriority(os.PRIO_PROCESS, thread)))
