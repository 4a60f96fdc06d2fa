"""The contents of an image: required files, and files that must not be in it."""

import hashlib
import json
import re
import subprocess
from collections.abc import Collection, Iterator
from pathlib import Path

from bench.container.images import ROOT, Configuration
from bench.container.index import INSIDE

#: Programs that compile or install.
TOOLS = re.compile(
    r"(\w+-linux-gnu-)?(c\+\+|cc|gcc|g\+\+|cpp|clang|clang\+\+|ld|as|make|cmake|ninja|rustc|cargo|pip|wheel)[0-9.]*(-[0-9.]+)?"
)
LISTING = "import json, importlib.metadata as m; print(json.dumps({d.name: d.version for d in m.distributions()}))"


#: Packages that the variant ``slim`` leaves out: the extras ``analysis``, ``classical`` and ``tracing``.
EXTRAS = ("matplotlib", "opentelemetry-sdk", "pywavelets", "scikit-image", "scipy", "torch")


def shortcomings(root: Path, image: Configuration, *, absent: Collection[str] = ()) -> Iterator[str]:
    """Yield a sentence per fault in the contents of an image.

    Args:
        root: The image's files.
        image: Its configuration.
        absent: Packages that must not be installed.
    """
    yield from (f"a program that compiles or installs must not be in the image: {path}" for path in tools(root))
    yield from (f"pip must not be in the image: {path}" for path in root.glob("**/*-packages/pip") if path.is_dir())
    if weights(root / "opt/biasfree") != weights(ROOT):
        yield f"the weights differ from those of the checkout: {sorted(weights(root / 'opt/biasfree'))}"
    if _holds_something(root / INSIDE.lstrip("/")):
        yield f"the configuration with which the build reached its index was left behind: {INSIDE}"
    if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", image.user):
        yield f"user and group must be numbers above 0: {image.user!r}"
    if not {"title", "version", "revision", "licenses"} <= {label.rpartition(".")[2] for label in image.labels}:
        yield f"the labels must have title, version, revision and licenses: {image.labels}"
    installed = packages(root)
    if unwanted := sorted({_canonical(name) for name in installed} & set(absent)):
        yield f"these packages must be left out: {', '.join(unwanted)}"
    wrong = sorted(f"{name}=={version}" for name, version in installed.items() if not pinned(name, version))
    if wrong:
        yield f"these packages are not as constraints.txt pins them: {', '.join(wrong)}"


def tools(root: Path) -> list[str]:
    """Find compilers and installers in the folders of programs."""
    folders = ("bin", "sbin", "usr/bin", "usr/sbin", "usr/local/bin", "usr/local/sbin", "opt/biasfree/bin")
    names = (path for folder in folders if (root / folder).is_dir() for path in (root / folder).iterdir())
    return sorted({str(path.relative_to(root)) for path in names if TOOLS.fullmatch(path.name)})


def weights(tree: Path) -> dict[str, str]:
    """Return the SHA-256 of the shipped models by file name."""
    files = tree.glob(
        "biasfree/weights/*.onnx" if tree == ROOT else "lib/python3*/site-packages/biasfree/weights/*.onnx"
    )
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def packages(root: Path) -> dict[str, str]:
    """Return the versions of the installed packages by name, as the image's Python reports them."""
    command = ["chroot", str(root), "/opt/biasfree/bin/python", "-I", "-c", LISTING]
    found: dict[str, str] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603  # ours
    return found


def pinned(name: str, version: str) -> bool:
    """Tell whether constraints.txt has this version of a package; our own package is not in it."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = {_canonical(line.partition("==")[0]): line.partition("==")[2] for line in lines}
    return name == "biasfree" or pins.get(_canonical(name)) == version.partition("+")[0]


def _holds_something(path: Path) -> bool:
    # A volume leaves an empty file, on which it was mounted.
    return path.exists() and path.stat().st_size > 0


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
