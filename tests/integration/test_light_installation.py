"""Without any extra the library denoises and the service answers `/denoise`; `/analyze` names the command to type."""

import os
import shutil
import subprocess
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path

import httpx
import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from service.app import start
from service.routes import analyze
from service.sandbox.bulkhead import Bulkhead
from service.settings import Settings
from tests.integration.clients import client_of
from tests.integration.images import from_npy, npy
from tests.servers import running_server

ROOT = Path(__file__).parents[2]
EXTRAS = {"matplotlib", "pywt", "scipy", "skimage", "torch", "httpx", "opentelemetry.sdk", "opentelemetry.exporter"}
#: Imported by every Python that finds it on its path: those modules are then missing, as where no extra is installed.
BLOCKER = f"""
import sys

BLOCKED = {EXTRAS!r}


class Without:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        parts = name.split(".")
        if BLOCKED & {{".".join(parts[:length]) for length in range(1, len(parts) + 1)}}:
            return None
        return self.finder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self.finder, name)


class Finders(list):
    # Finders of editable installations come later.
    def append(self, finder):
        super().append(Without(finder))


sys.meta_path[:] = map(Without, sys.meta_path)
sys.meta_path = Finders(sys.meta_path)
"""
INSTALL = "pip install 'biasfree[analysis]'"


@pytest.fixture(scope="module")
def light(tmp_path_factory):
    """Environment variables under which a Python finds nothing that an extra brings."""
    folder = tmp_path_factory.mktemp("light")
    (folder / "sitecustomize.py").write_text(BLOCKER)
    return {"PYTHONPATH": f"{folder}:{ROOT}"}


@pytest.fixture(scope="module")
def server(light, default_models):
    """A service without any extra."""
    with running_server(BIASFREE_MODELS_DIR=str(default_models), **light) as url:
        yield url


@pytest.fixture(scope="module")
def noisy():
    """A gray ramp with noise, float32 in [0, 1]."""
    ramp = np.linspace(0.2, 0.8, 64 * 48, dtype=np.float32).reshape(48, 64)
    return ramp + np.random.default_rng(0).normal(0, 0.1, ramp.shape).astype(np.float32)


def run(code, light, *arguments):
    """What a program prints in such an environment."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **light}, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_simulation_hides_every_extra(light):
    """Neither found nor imported, as where it is not installed."""
    code = "import sys; from importlib.util import find_spec; print([n for n in sys.argv[1:] if find_spec(n)])"

    assert run(code, light, *sorted(EXTRAS)).strip() == "[]"


def test_library_and_service_are_imported_without_any_extra(light):
    """None of their modules on the way to `/denoise` needs one."""
    run("import biasfree, service.app, service.command; biasfree.load", light)


def test_library_denoises_without_any_extra(light, noisy, tmp_path):
    """And takes the noise away."""
    np.save(tmp_path / "noisy.npy", noisy)
    code = (
        "import sys, numpy as np, biasfree; image = np.load(sys.argv[1]); "
        "np.save(sys.argv[2], biasfree.load('gray').denoise(image))"
    )

    run(code, light, tmp_path / "noisy.npy", tmp_path / "denoised.npy")

    denoised = np.load(tmp_path / "denoised.npy")
    assert denoised.shape == noisy.shape
    assert np.abs(np.diff(denoised)).mean() < np.abs(np.diff(noisy)).mean() / 4


def test_service_denoises_without_any_extra(server, noisy):
    """The same image back, quieter."""
    answer = httpx.post(f"{server}/denoise", content=npy(noisy), headers={"Content-Type": "application/x-npy"})

    assert answer.status_code == 200
    denoised = from_npy(answer.content)
    assert np.abs(np.diff(denoised)).mean() < np.abs(np.diff(noisy)).mean() / 4


@pytest.mark.parametrize("path", ["/analyze", "/v1/analyze"])
def test_analysis_that_is_not_installed_is_refused_with_the_command(server, noisy, path):
    """A problem document of its own type; people read the command, programs have it as a field."""
    answer = httpx.post(f"{server}{path}", content=npy(noisy), headers={"Content-Type": "application/x-npy"})

    assert answer.status_code == 501
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "urn:biasfree:problem:not-installed"
    assert INSTALL in problem["detail"]
    assert problem["command"] == INSTALL


def test_limits_say_that_there_is_no_analysis(server):
    """Then the page offers none."""
    assert httpx.get(f"{server}/limits").json()["analysis"] is None


def test_models_are_the_networks_alone(server):
    """No classical model is offered that could not be loaded."""
    assert {model["kind"] for model in httpx.get(f"{server}/models").json()} == {"network"}


@pytest.mark.anyio
@pytest.mark.parametrize("installed", [True, False])
async def test_only_an_installed_analysis_is_warmed(installed, monkeypatch, stand_ins):
    """A service that cannot analyze starts no process for it."""
    warmed = []
    monkeypatch.setattr(analyze, "installed", lambda: installed)
    monkeypatch.setattr(Bulkhead, "warm", lambda self: warmed.append(self))
    service = start(Settings(device="cpu", models_dir=stand_ins))

    async with client_of(service):
        assert warmed == ([service.analyst.bulkhead] if installed else [])


@pytest.fixture(scope="module")
def metadata(tmp_path_factory):
    """What a wheel says of itself; one without our modules is built in a second, and says the same."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    (source / "biasfree").mkdir()
    (source / "biasfree/__init__.py").touch()
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-index", "--no-deps"]
    subprocess.run([*command, "--no-build-isolation", "--wheel-dir", target, source], check=True, capture_output=True)
    with zipfile.ZipFile(*target.glob("*.whl")) as wheel:
        (name,) = (each for each in wheel.namelist() if each.endswith(".dist-info/METADATA"))
        return message_from_bytes(wheel.read(name))


def test_wheel_without_extras_needs_none_of_them(metadata):
    """Its metadata ask for these only where the extra is named."""
    required = [Requirement(each) for each in metadata.get_all("Requires-Dist")]
    base = {canonicalize_name(each.name) for each in required if each.marker is None or "extra" not in str(each.marker)}

    assert {"numpy", "onnx", "fastapi"} <= base
    assert base.isdisjoint({"torch", "matplotlib", "scikit-image", "scipy", "pywavelets", "httpx", "openvino", "ray"})
    named = {canonicalize_name(each.name) for each in required} - base
    assert {"torch", "matplotlib", "scikit-image", "scipy", "pywavelets"} <= named
