"""How much a thread gives way to others."""

import os
import sys
import threading

#: Of the bulk lane. Beside a busy express lane it is left with a quarter of the processor (weights 335 and 1024 of
#: Linux's scheduler): small images hardly notice, and large ones still end. The analysis process, at 10, gives way to
#: both.
BULK_NICENESS = 5


def give_way() -> None:
    """Lower the priority of the calling thread and of those it starts; only Linux has one for each thread."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, max(BULK_NICENESS, os.getpriority(os.PRIO_PROCESS, thread)))
