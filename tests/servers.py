"""The service as a process of its own."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def running_server(*, log: list[str] | None = None, **settings: str) -> Iterator[str]:
    """URL of ``python -m service`` on the CPU and a free port of this machine; ended by SIGTERM.

    Args:
        log: Gets every line of its log, the last of them once it has ended.
        settings: Environment variables.
    """
    kept: list[str] = [] if log is None else log
    environment = {**os.environ, "BIASFREE_PORT": "0", "BIASFREE_DEVICE": "cpu", **settings}
    process = subprocess.Popen([sys.executable, "-m", "service"], env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        for line in process.stderr:
            kept.append(line)
            if found := re.search(r"serving on (http://[^\s\x22]+)", line):
                # A pipe that nobody empties stops the service at its next line of log.
                reader = threading.Thread(target=lambda: kept.extend(process.stderr), daemon=True)
                reader.start()
                yield found[1]
                break
        else:
            raise RuntimeError("the service ended without serving")
    finally:
        process.terminate()
        process.wait(timeout=60)
    reader.join(timeout=60)
    assert process.returncode in (0, -15)
