"""The hardware and software of a measurement."""

import platform
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

from biasfree.engines.cores import usable_cores

PACKAGES = ("torch", "numpy", "onnxruntime-gpu")
VECTORS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")


def machine() -> dict[str, str]:
    """Return processor, cores, Python, libraries and commit."""
    facts = {"processor": _processor(), "cores": str(usable_cores()), "python": platform.python_version()}
    return facts | {name: version(name) for name in PACKAGES} | {"commit": _commit()}


def _processor() -> str:
    """Return the name of the processor and its relevant vector instructions, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = facts.get("flags", "").split()
    return " ".join([facts.get("model name", platform.machine()), *(each for each in VECTORS if each in flags)])


def _commit() -> str:
    """Return the commit, with ``-dirty`` if a file differs from it: not a page of results, which measuring rewrites."""
    commit = _git("rev-parse", "--short", "HEAD")
    changed = _git("diff", "--name-only", "HEAD", "--", ":(top)", ":(top,exclude,glob)bench/**/results/**")
    return f"{commit}-dirty" if changed else commit or "unknown"


def _git(*arguments: str) -> str:
    """Return what git prints: nothing if there is no git or no repository."""
    git = shutil.which("git")
    if git is None:
        return ""
    answer = subprocess.run([git, *arguments], capture_output=True, text=True, check=False)  # noqa: S603  # not from outside
    return answer.stdout.strip()
