"""The command ``python -m bench.failures``: run all trials, or those named, and write ``bench/failures/results``."""

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from pathlib import Path

from bench.machine import machine
from bench.rows import Row, write

RESULTS = Path(__file__).parent / "results"
TRIALS = (
    "sigterm",
    "restarts",
    "kill",
    "mutations",
    "bombs",
    "chunked",
    "slowloris",
    "faults",
    "schemathesis",
)


def main() -> None:
    """Run each trial, print its rows at once, and write them when it is done."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.failures", description="Try failures that operators fear on real servers."
    )
    parser.add_argument("trials", nargs="*", metavar="TRIAL", help=f"any of {', '.join(TRIALS)}; defaults to all")
    chosen = parser.parse_args().trials or list(TRIALS)
    if unknown := sorted(set(chosen) - set(TRIALS)):
        parser.error(f"no such trial: {', '.join(unknown)}; choose from {', '.join(TRIALS)}")
    for name in chosen:
        rows = []
        for row in _rows(name)():
            sys.stderr.write(f"{row}\n")
            rows.append(row)
        sys.stdout.write(write(RESULTS, name, rows, machine(), by=f"python -m bench.failures {name}"))


def _rows(name: str) -> Callable[[], Iterable[Row]]:
    module: Mapping[str, Callable[[], Iterable[Row]]] = vars(import_module(f"bench.failures.{name}"))
    return module["rows"]


if __name__ == "__main__":
    main()
