"""The service as a process of its own."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def running_server(**settings: str) -> Iterator[str]:
    """URL of ``python -m service`` on the CPU and a free port of this machine; ended by SIGTERM."""
    environment = {**os.environ, "BIASFREE_PORT": "0", "BIASFREE_DEVICE": "cpu", **settings}
    process = subprocess.Popen([sys.executable, "-m", "service"], env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if found := re.search(r"serving on (http://\S+)", line):
                # A pipe that nobody empties stops the service at its next line of log.
                threading.Thread(target=process.stderr.read, daemon=True).start()
                yield found[1]
                break
        else:
            raise RuntimeError("the service ended without serving")
    finally:
        process.terminate()
        process.wait(timeout=60)
    assert process.returncode in (0, -15)
