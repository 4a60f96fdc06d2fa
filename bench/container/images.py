"""Images built and read with buildah, in a separate storage."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
NAME = "localhost/biasfree-image-check"
#: Python's version in the base of the Dockerfile -> the release of Debian with that version.
RELEASES = {"3.11": "bookworm", "3.13": "trixie"}
#: Paths that debootstrap creates and Docker's Debian images lack.
LEFT_OUT = (
    "usr/share/doc",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/man",
    "var/cache/apt",
    "var/lib/apt/lists",
)


@dataclass(frozen=True)
class Configuration:
    """The configuration of an image.

    Attributes:
        user: User and group of its process.
        environment: Environment variables.
        command: The command that it runs.
        health: The command of HEALTHCHECK.
        labels: Labels of the Open Container Initiative.
        working_directory: Folder in which the command runs.
    """

    user: str
    environment: dict[str, str]
    command: list[str]
    health: list[str]
    labels: dict[str, str]
    working_directory: str


class Storage:
    """Images and containers below one folder, which can be deleted as a whole."""

    def __init__(self, folder: Path) -> None:
        self._options = ["--root", f"{folder}/root", "--runroot", f"{folder}/run", "--storage-driver", "vfs"]

    def buildah(self, *arguments: str) -> str:
        """Run a command of buildah, and return its output.

        Raises:
            RuntimeError: The command failed.
        """
        command = ["buildah", *self._options, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # a program of the system's
        if done.returncode:
            raise RuntimeError(f"buildah {arguments[0]} failed: {(done.stdout + done.stderr)[-4000:]}")
        return done.stdout.strip()

    def import_base(self, tree: Path, tag: str) -> None:
        """Make an image of a Debian tree, with ``python`` and an unrestricted pip, as Docker's Python images have."""
        container = self.buildah("from", "scratch")
        root = Path(self.buildah("mount", container))
        subprocess.run(["cp", "-a", f"{tree}/.", f"{root}/"], check=True)  # noqa: S603, S607  # a program of the system's
        (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
        for marker in root.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
            marker.unlink()
        self.buildah("umount", container)
        self.buildah("commit", "--rm", container, f"localhost/{tag}")

    def build(self, variant: str, options: Sequence[str]) -> None:
        """Build a variant of the Dockerfile from local images only."""
        fixed = ["--isolation=chroot", "--pull-never", "--layers=false", "--format=docker"]
        self.buildah("build", *fixed, f"--tag={NAME}:{variant}", f"--build-arg=VARIANT={variant}", *options, str(ROOT))

    def configuration(self, variant: str) -> Configuration:
        """Return the configuration of a variant's image."""
        image = f"{NAME}:{variant}"
        found: dict[str, Any] = json.loads(self.buildah("inspect", "--type=image", image))["Docker"]["config"]
        test = found["Healthcheck"]["Test"]
        if test[0] != "CMD":
            raise RuntimeError(f"HEALTHCHECK must have the form CMD [...]: {test}")
        variables = dict(each.split("=", 1) for each in found["Env"])
        return Configuration(
            found["User"], variables, found["Cmd"], test[1:], found["Labels"] or {}, found["WorkingDir"]
        )

    @contextmanager
    def mounted(self, variant: str) -> Iterator[Path]:
        """Mount a variant's image, and yield the folder with its files."""
        container = self.buildah("from", "--pull-never", f"{NAME}:{variant}")
        try:
            yield Path(self.buildah("mount", container))
        finally:
            self.buildah("rm", container)


def base_name() -> str:
    """Return the name of the image on which the Dockerfile builds."""
    found = re.search(r"^ARG BASE=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


def debian(folder: Path) -> Path:
    """Return a Debian with the Python of the base, made by debootstrap unless the folder has one.

    Like ``python:*-slim``, it has no downloaded packages, lists of packages, manuals or translations.

    Raises:
        RuntimeError: No release of Debian has that Python, or debootstrap failed.
    """
    python = base_name().partition(":")[2].partition("-")[0]
    if python not in RELEASES:
        raise RuntimeError(f"no release of Debian has the Python of {base_name()}: use one of {', '.join(RELEASES)}")
    if not (folder / f"usr/bin/python{python}").exists():
        folder.mkdir(parents=True, exist_ok=True)
        packages = "--include=ca-certificates,python3,python3-pip,python3-venv"
        command = ["debootstrap", "--variant=minbase", packages, RELEASES[python], str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # a program of the system's
        if done.returncode:
            raise RuntimeError(f"debootstrap failed: {done.stdout[-2000:]}")
    for name in LEFT_OUT:
        shutil.rmtree(folder / name, ignore_errors=True)
    return folder
