"""The command ``python -m bench.ray``: run the trial on a temporary cluster, and write ``bench/ray/results``."""

import argparse
import sys
from importlib.metadata import version
from pathlib import Path

from bench.machine import machine
from bench.ray.replicas import rows
from bench.rows import write

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Run the trial, print its rows at once, and write them when it is done."""
    argparse.ArgumentParser(prog="python -m bench.ray", description="Try the service on a Ray cluster.").parse_args()
    made = []
    for row in rows():
        sys.stderr.write(f"{row}\n")
        made.append(row)
    facts = machine() | {"ray": version("ray")}
    sys.stdout.write(write(RESULTS, "replicas", made, facts, by="python -m bench.ray"))


if __name__ == "__main__":
    main()
