"""``python -m bench.ray``: the trial, on a cluster of its own; results go to ``bench/ray/results``."""

import sys
from importlib.metadata import version
from pathlib import Path

from bench.machine import machine
from bench.ray.replicas import rows
from bench.rows import write

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Make the trial, print its rows as they come, and write them down when it is done."""
    made = []
    for row in rows():
        sys.stderr.write(f"{row}\n")
        made.append(row)
    facts = machine() | {"ray": version("ray")}
    sys.stdout.write(write(RESULTS, "replicas", made, facts, by="python -m bench.ray"))


if __name__ == "__main__":
    main()
