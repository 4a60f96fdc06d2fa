"""The virtual environments of the contestants, under ``build/bench``, created on first use."""

import subprocess
import sys
import venv
from pathlib import Path

REQUIREMENTS = Path(__file__).parent
FOLDER = REQUIREMENTS.parents[1] / "build" / "bench"


def environment(name: str) -> Path:
    """Return the ``bin`` folder of an environment with the pins of ``<name>.txt``, rebuilt when that file changes."""
    wanted = (REQUIREMENTS / f"{name}.txt").read_text()
    folder = FOLDER / name
    stamp = folder / "requirements.txt"
    if not stamp.exists() or stamp.read_text() != wanted:
        _make(folder, REQUIREMENTS / f"{name}.txt")
        # Last, so that an interrupted installation is repeated.
        stamp.write_text(wanted)
    return folder / "bin"


def _make(folder: Path, requirements: Path) -> None:
    sys.stderr.write(f"creating the environment of {folder.name}\n")
    venv.create(folder, clear=True, with_pip=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, "--requirement", str(requirements)], check=True)  # noqa: S603  # our own file
