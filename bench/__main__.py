"""``python -m bench``: every measurement."""

import sys
from itertools import chain
from pathlib import Path

from bench import analysis, bulkhead
from bench.machine import machine
from bench.rows import write

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Measure, print each row as it comes, and write the results."""
    rows = []
    for row in chain(bulkhead.rows(), analysis.rows()):
        sys.stderr.write(f"{row}\n")
        rows.append(row)
    sys.stdout.write(write(RESULTS, "analysis", rows, machine()))


if __name__ == "__main__":
    main()
