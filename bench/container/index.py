"""How pip reaches its index on this machine, lent to a build: read where it runs, and in no file of ours."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

#: Where pip in the build finds the configuration.
INSIDE = "/etc/pip.conf"


def volumes(folder: Path) -> list[str]:
    """Options of ``buildah build`` that lend this machine's configuration of pip, and the local files that it names.

    Args:
        folder: Where the configuration is written, for as long as the build takes.
    """
    options = configuration()
    file = folder / "pip.conf"
    file.write_text("\n".join(["[global]", *(f"{name} = {value}" for name, value in options.items()), ""]))
    lent = {str(path): str(path) for value in options.values() for path in _local(value)}
    return [f"--volume={source}:{target}:ro" for source, target in {**lent, str(file): INSIDE}.items()]


def configuration() -> dict[str, str]:
    """Options of pip by name; those of the environment come last, as pip has it."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603  # ours
    entries = [line.partition("=") for line in text.splitlines()]
    ordered = sorted(entries, key=lambda entry: entry[0].startswith(":env:"))
    return {key.rpartition(".")[2]: str(ast.literal_eval(value)) for key, _, value in ordered}


def _local(value: str) -> Iterator[Path]:
    for word in value.split():
        path = Path(word.removeprefix("file://"))
        if path.is_absolute() and path.exists():
            # The files of an index lie beside its pages.
            yield path.parent if word.startswith("file://") else path
