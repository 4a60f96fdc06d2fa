"""What must be in the image, and what must not."""

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
    """Name everything that is not as it should be, in a sentence each.

    Args:
        root: The image's files.
        image: What it says of itself.
        absent: Packages that must not be installed.
    """
    yield from (f"expected no program that compiles or installs, got {path}" for path in tools(root))
    yield from (f"expected no pip, got {path}" for path in root.glob("**/*-packages/pip") if path.is_dir())
    if weights(root / "opt/biasfree") != weights(ROOT):
        yield f"expected the weights of the checkout, got {sorted(weights(root / 'opt/biasfree'))}"
    if _holds_something(root / INSIDE.lstrip("/")):
        yield f"expected nothing of how the build reached its index, got {INSIDE}"
    if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", image.user):
        yield f"expected a user and a group as numbers above 0, got {image.user!r}"
    if not {"title", "version", "revision", "licenses"} <= {label.rpartition(".")[2] for label in image.labels}:
        yield f"expected labels that name title, version, revision and licence, got {image.labels}"
    installed = packages(root)
    if unwanted := sorted({_canonical(name) for name in installed} & set(absent)):
        yield f"expected these packages to be left out: {', '.join(unwanted)}"
    wrong = sorted(f"{name}=={version}" for name, version in installed.items() if not pinned(name, version))
    if wrong:
        yield f"expected only what constraints.txt pins, got {', '.join(wrong)}"


def tools(root: Path) -> list[str]:
    """Compilers and installers in the folders of programs."""
    folders = ("bin", "sbin", "usr/bin", "usr/sbin", "usr/local/bin", "usr/local/sbin", "opt/biasfree/bin")
    names = (path for folder in folders if (root / folder).is_dir() for path in (root / folder).iterdir())
    return sorted({str(path.relative_to(root)) for path in names if TOOLS.fullmatch(path.name)})


def weights(tree: Path) -> dict[str, str]:
    """SHA-256 of the shipped models by file name."""
    files = tree.glob(
        "biasfree/weights/*.onnx" if tree == ROOT else "lib/python3*/site-packages/biasfree/weights/*.onnx"
    )
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def packages(root: Path) -> dict[str, str]:
    """Versions of what is installed, by name, as the image's Python sees them."""
    command = ["chroot", str(root), "/opt/biasfree/bin/python", "-I", "-c", LISTING]
    found: dict[str, str] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603  # ours
    return found


def pinned(name: str, version: str) -> bool:
    """Whether constraints.txt has this version; ours is in the checkout."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = {_canonical(line.partition("==")[0]): line.partition("==")[2] for line in lines}
    return name == "biasfree" or pins.get(_canonical(name)) == version.partition("+")[0]


def _holds_something(path: Path) -> bool:
    # Where a file was lent, an empty one is left to mount it on.
    return path.exists() and path.stat().st_size > 0


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
