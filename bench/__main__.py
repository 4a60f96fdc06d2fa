"""The command ``python -m bench``: run all measurements, or those named."""

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from itertools import chain
from pathlib import Path

from bench.machine import machine
from bench.rows import Row, write

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Measure, print each row at once, and write the results of each part when it is done."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure speed and memory.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of {', '.join(parts())}; defaults to all")
    chosen = parser.parse_args().parts or list(parts())
    if unknown := sorted(set(chosen) - set(parts())):
        parser.error(f"no such part: {', '.join(unknown)}; choose from {', '.join(parts())}")
    for name in chosen:
        _measure(name, parts()[name]())


def parts() -> Mapping[str, Callable[[], Iterable[Row]]]:
    """Return the functions that measure the rows of each page of results; they import their modules when called."""
    return {
        "engine": _rows_of("engines"),
        "latency": _rows_of("latency"),
        "throughput": _rows_of("throughput"),
        "stages": _rows_of("stages"),
        "scale": _rows_of("scale"),
        "sizing": _rows_of("sizing"),
        "fairness": _rows_of("fairness"),
        "overload": _rows_of("overload"),
        "disconnects": _rows_of("disconnects"),
        "soak": _rows_of("soak"),
        "analysis": _rows_of("bulkhead", "analysis"),
    }


def _rows_of(*modules: str) -> Callable[[], Iterable[Row]]:
    return lambda: chain.from_iterable(import_module(f"bench.{name}").rows() for name in modules)


def _measure(name: str, rows: Iterable[Row]) -> None:
    measured = []
    for row in rows:
        sys.stderr.write(f"{row}\n")
        measured.append(row)
    sys.stdout.write(write(RESULTS, name, measured, machine()))


if __name__ == "__main__":
    main()
