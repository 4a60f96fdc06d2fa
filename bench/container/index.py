"""The configuration of this machine's pip, mounted into a build. No file of the checkout has it."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

#: Path at which pip finds the configuration inside the build.
INSIDE = "/etc/pip.conf"


def volumes(folder: Path) -> list[str]:
    """Return options of ``buildah build`` that mount pip's configuration and the local files named in it.

    Args:
        folder: Folder for the configuration; it must exist until the build ends.
    """
    options = configuration()
    file = folder / "pip.conf"
    file.write_text("\n".join(["[global]", *(f"{name} = {value}" for name, value in options.items()), ""]))
    lent = {str(path): str(path) for value in options.values() for path in _local(value)}
    return [f"--volume={source}:{target}:ro" for source, target in {**lent, str(file): INSIDE}.items()]


def configuration() -> dict[str, str]:
    """Return the options of pip by name. Those of the environment take precedence, as in pip."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603  # ours
    entries = [line.partition("=") for line in text.splitlines()]
    ordered = sorted(entries, key=lambda entry: entry[0].startswith(":env:"))
    return {key.rpartition(".")[2]: str(ast.literal_eval(value)) for key, _, value in ordered}


def _local(value: str) -> Iterator[Path]:
    for word in value.split():
        path = Path(word.removeprefix("file://"))
        if path.is_absolute() and path.exists():
            # The packages of an index are in folders beside its pages.
            yield path.parent if word.startswith("file://") else path
