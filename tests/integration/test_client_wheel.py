"""The client's wheel, alone in an environment of its own."""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
FOREIGN = ("torch", "onnxruntime", "fastapi", "service", "biasfree", "training", "PIL", "matplotlib", "skimage")


def required(requirements: list[str]) -> set[str]:
    """Names of the distributions that these requirements bring, with all that those require in turn."""
    names: set[str] = set()
    pending = list(requirements)
    while pending:
        requirement = Requirement(pending.pop())
        name = canonicalize_name(requirement.name)
        if name not in names and (requirement.marker is None or requirement.marker.evaluate({"extra": ""})):
            names.add(name)
            pending += importlib.metadata.requires(name) or []
    return names


def lend(name: str, folder: Path) -> None:
    """Make an installed distribution, and nothing else of this environment, importable from a folder."""
    files = importlib.metadata.files(name) or []
    for top in {file.parts[0] for file in files if file.parts[0] not in ("..", "__pycache__")}:
        (folder / top).symlink_to(importlib.metadata.distribution(name).locate_file(top))


@pytest.fixture(scope="module")
def python(tmp_path_factory) -> Path:
    """Python of an environment with the client's wheel and what the wheel requires, installed without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    ignored = shutil.ignore_patterns("__pycache__", "build", "*.egg-info")
    shutil.copytree(ROOT / "client", folder / "source", ignore=ignored)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    offline = ["--quiet", "--no-index", "--no-deps"]
    build = [*pip, "wheel", *offline, "--no-build-isolation", "--wheel-dir", folder, folder / "source"]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("biasfree_client-*.whl")
    venv.create(folder / "fresh", symlinks=True)
    python = folder / "fresh" / "bin" / "python"
    subprocess.run([*pip, "--python", python, "install", *offline, wheel], check=True, capture_output=True)
    (packages,) = (folder / "fresh" / "lib").glob("python*/site-packages")
    (metadata,) = packages.glob("biasfree_client-*.dist-info")
    for name in required(importlib.metadata.PathDistribution(metadata).requires or []):
        lend(name, packages)
    return python


def run(*command, **options) -> str:
    """What a command prints."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment, timeout=120, **options)
    return done.stdout


def test_the_wheel_imports_alone(python, tmp_path):
    """Without torch, FastAPI or ONNX Runtime, which are not there to be found."""
    code = f"""
import importlib.util, json, biasfree_client
print(json.dumps([biasfree_client.__file__, [name for name in {FOREIGN} if importlib.util.find_spec(name)]]))
"""
    place, foreign = json.loads(run(python, "-c", code, cwd=tmp_path))
    assert foreign == []
    assert Path(place).is_relative_to(python.parents[1])


def test_the_wheel_denoises_and_analyses(python, server, tmp_path):
    """Arrays and the analysis need numpy and httpx alone; what needs more says so."""
    code = """
import sys, numpy as np, biasfree_client
with biasfree_client.Denoiser(sys.argv[1]) as denoiser:
    noisy = np.random.default_rng(0).integers(0, 65536, (24, 24), np.uint16)
    result = denoiser.denoise(noisy, estimate=True)
    assert (result.array.dtype, result.array.shape, result.sigma > 0) == (noisy.dtype, noisy.shape, True)
    analysis = denoiser.analyze(noisy, size=8, k=2)
    assert analysis.u.shape == (4, 1, 8, 8)
    for call, extra in ((result.pil, "images"), (analysis.plot, "plot")):
        try:
            call()
        except biasfree_client.MissingLibrary as error:
            assert f"biasfree-client[{extra}]" in str(error)
        else:
            raise AssertionError(extra)
"""
    run(python, "-c", code, server, cwd=tmp_path)


def test_the_command_line_comes_with_the_wheel(python, server, tmp_path):
    """As a script of its own."""
    script = python.with_name("biasfree")
    assert "denoise" in run(script, "--help")
    report = json.loads(run(script, "doctor", "--json", "--url", server, cwd=tmp_path))
    assert report["healthy"]
    assert "not installed: images, compare, plot" in [each["detail"] for each in report["findings"]]
