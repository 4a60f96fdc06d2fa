"""What Dockerfile, compose file and Makefile promise of the container. `make image-check` builds and runs it."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import yaml

from bench.container import contents, index
from bench.container.images import Configuration, base_name
from bench.container.trial import samples
from deploy import slim
from service.imaging.tiff_page import PLAIN, WEBP
from service.settings import PREFIX, unknown_variables

ROOT = Path(__file__).parents[3]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
FINAL = DOCKERFILE.rpartition("\nFROM ")[2]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


@pytest.fixture
def compose():
    """The service of docker-compose.yml."""
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["biasfree"]


@pytest.fixture
def root(tmp_path, monkeypatch):
    """The files of an image, with the checkout's weights and little else; the checkout has a model of a few bytes."""
    checkout, files = tmp_path / "checkout", tmp_path / "image"
    for weights in (
        checkout / "biasfree/weights",
        files / "opt/biasfree/lib/python3.11/site-packages/biasfree/weights",
    ):
        weights.mkdir(parents=True)
        (weights / "gray.onnx").write_bytes(b"weights")
    shutil.copy(ROOT / "constraints.txt", checkout)
    monkeypatch.setattr(contents, "ROOT", checkout)
    (files / "usr/bin").mkdir(parents=True)
    return files


def image(**changed):
    """The configuration of a good image, with changes."""
    labels = {f"org.opencontainers.image.{name}": "x" for name in ("title", "version", "revision", "licenses")}
    good = {
        "user": "10001:10001",
        "environment": {},
        "command": [],
        "health": [],
        "labels": labels,
        "working_directory": "/tmp",
    }
    return Configuration(**{**good, **changed})


@pytest.fixture(autouse=True)
def _nothing_runs(monkeypatch):
    """The image's Python is asked for its packages: none."""
    monkeypatch.setattr(contents, "packages", lambda root: {})


def test_the_final_stage_installs_nothing():
    """It copies the environment; its only RUN removes what the base installs with."""
    runs = re.findall(r"^RUN (\w+)", FINAL, re.MULTILINE)

    assert runs == ["find"]
    assert "COPY --from=build /opt/biasfree /opt/biasfree" in FINAL


def test_variables_of_the_image_are_settings():
    """None is misspelt."""
    names = re.findall(rf"({PREFIX}\w+)=", FINAL)

    assert names
    assert unknown_variables(names) == []


def test_every_dependency_is_installed_as_it_is_pinned():
    """No installation goes without constraints.txt, but for what has no dependencies."""
    installations = re.findall(r"\bpip\b[^&]*?\binstall\b[^&]*", DOCKERFILE)

    assert len(installations) == 3
    assert all("-c constraints.txt" in each or "--no-deps" in each for each in installations)


def test_nothing_else_of_the_checkout_is_in_the_context():
    """An ignored folder with data, keys or a history cannot leak into a layer."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = {line[1:].rstrip("/") for line in lines if line.startswith("!")}

    assert "*" in lines
    files = {"pyproject.toml", "constraints.txt", "README.md", "LICENSE", "deploy/slim.py"}
    assert allowed == files | {"biasfree", "service", "training"}


def test_compose_lets_the_container_write_only_to_its_tmpfs(compose):
    """And gives it no capability, nor a way to one."""
    assert compose["read_only"] is True
    assert [each.partition(":")[0] for each in compose["tmpfs"]] == ["/tmp"]
    assert compose["cap_drop"] == ["ALL"]
    assert compose["security_opt"] == ["no-new-privileges:true"]


def test_overlays_name_the_tags_that_make_gives():
    """`make image` and `make image VARIANT=cuda`."""
    for overlay, suffix in (("cpu", ""), ("gpu", "-cuda")):
        document = yaml.safe_load((ROOT / f"deploy/kubernetes/overlays/{overlay}/kustomization.yaml").read_text())
        assert document["images"] == [{"name": "biasfree", "newTag": VERSION + suffix}]


def test_the_check_takes_the_base_of_the_dockerfile():
    """By its name."""
    assert base_name() == "python:3.11-slim"


def test_a_good_image_has_no_shortcomings(root):
    """Nothing is said of it."""
    assert list(contents.shortcomings(root, image())) == []


@pytest.fixture
def slimmed(tmp_path):
    """This environment's imagecodecs, and stand-ins for the other packages, as deploy/slim.py leaves them."""
    installed = Path(imagecodecs.__file__).parent
    for folder in (installed, installed.with_name("imagecodecs.libs")):
        shutil.copytree(folder, tmp_path / folder.name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in (*slim.UNUSED, "numpy/_core/include", "numpy/_core/tests", "onnxruntime/capi", "tests"):
        (tmp_path / name).mkdir(parents=True)
    slim.slim(tmp_path)
    return tmp_path


def test_a_slim_image_lacks_what_nobody_needs(slimmed):
    """Tests, headers and tools that convert models go; what runs them stays."""
    left = {path.relative_to(slimmed).as_posix() for path in slimmed.rglob("*") if path.is_dir()}

    assert left.isdisjoint({*slim.UNUSED, "numpy/_core/include", "numpy/_core/tests", "tests"})
    assert {"onnxruntime/capi", "numpy/_core", "imagecodecs/licenses"} <= left


def test_a_slim_image_reads_every_format(slimmed):
    """With an eighth of imagecodecs: every format and every compression of TIFF gives the same pixels."""
    code = """
import sys, numpy as np, imagecodecs
from service.imaging import ImageLimits, decode
assert imagecodecs.__file__.startswith(sys.argv[1]), imagecodecs.__file__
pixels = np.random.default_rng(0).integers(0, 256, (24, 20, 3)).astype(np.uint8)
limits = ImageLimits(max_pixels=1000, max_frames=1)
for name, body in np.load(sys.argv[2]).items():
    read = decode(body.tobytes(), limits=limits).frames[0]
    assert name.endswith("jpeg") or np.array_equal(read, pixels), name
    print(name)
"""
    pixels = np.random.default_rng(0).integers(0, 256, (24, 20, 3)).astype(np.uint8)
    files = samples(pixels)
    np.savez(slimmed / "files.npz", **{name: np.frombuffer(body, np.uint8) for name, body in files.items()})
    environment = {**os.environ, "PYTHONPATH": f"{slimmed}:{ROOT}"}
    command = [sys.executable, "-c", code, str(slimmed), str(slimmed / "files.npz")]

    done = subprocess.run(command, capture_output=True, text=True, env=environment)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == list(files)


def test_the_samples_are_of_every_format_and_compression():
    """That the service reads: what is added there is sent to the image too."""
    names = set(samples(np.zeros((2, 2, 3), np.uint8)))

    core = {"png", "jpeg", "webp", "bmp", "tiff", "npy"}
    assert {name for name in names if not name.startswith("tiff ")} | {"tiff"} == core
    compressions = {name.removeprefix("tiff ").upper() for name in names if name.startswith("tiff ")}
    assert compressions == {each.name.removeprefix("ADOBE_") for each in (*PLAIN, *WEBP)}


def test_another_imagecodecs_stops_the_build(tmp_path):
    """A release that names its modules otherwise would silently lose formats."""
    (tmp_path / "imagecodecs").mkdir()
    (tmp_path / "imagecodecs/_png.abi3.so").touch()

    with pytest.raises(SystemExit, match="imagecodecs lacks modules"):
        slim.slim_imagecodecs(tmp_path)


def test_an_extra_in_a_slim_image_is_found(root, monkeypatch):
    """It is what makes an image large."""
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    monkeypatch.setattr(contents, "packages", lambda root: {"PyWavelets": pins["PyWavelets"]})

    assert list(contents.shortcomings(root, image())) == []
    (only,) = contents.shortcomings(root, image(), absent=contents.EXTRAS)
    assert only.endswith("left out: pywavelets")


def test_what_a_slim_image_lacks_are_the_extras():
    """By the names in pyproject.toml."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    brought = {name for extra in ("analysis", "classical", "tracing") for name in extras[extra]}

    assert set(contents.EXTRAS) <= brought


@pytest.mark.parametrize("tool", ["gcc", "gcc-12", "x86_64-linux-gnu-gcc-12", "pip", "pip3.11", "make", "c++"])
def test_a_tool_in_the_image_is_found(root, tool):
    """Compilers and installers, under the names that they have."""
    (root / "usr/bin" / tool).touch()

    assert f"usr/bin/{tool}" in " ".join(contents.shortcomings(root, image()))


@pytest.mark.parametrize("harmless", ["python3.11", "ldd", "gccgo-doc", "nocc", "make-dirs"])
def test_other_programs_are_not_taken_for_tools(root, harmless):
    """A name that only begins like one."""
    (root / "usr/bin" / harmless).touch()

    assert list(contents.shortcomings(root, image())) == []


def test_other_weights_are_found(root):
    """One byte is enough."""
    path = next(root.glob("**/gray.onnx"))
    path.write_bytes(path.read_bytes() + b"x")

    assert "weights" in " ".join(contents.shortcomings(root, image()))


def test_what_the_build_was_lent_is_found_where_it_stayed(root):
    """A configuration of pip may hold a password; the empty file that it was mounted on holds none."""
    (root / "etc").mkdir()
    (root / "etc/pip.conf").touch()
    assert list(contents.shortcomings(root, image())) == []

    (root / "etc/pip.conf").write_text("[global]")
    assert "/etc/pip.conf" in " ".join(contents.shortcomings(root, image()))


@pytest.mark.parametrize("user", ["", "root", "0:0", "biasfree", "10001:0"])
def test_a_user_that_may_be_root_is_found(root, user):
    """A name cannot be told from root's by Kubernetes."""
    assert "user" in " ".join(contents.shortcomings(root, image(user=user)))


def test_a_package_that_is_not_as_pinned_is_found(root, monkeypatch):
    """Another version, or one that nobody pinned; a label for the device is no difference."""
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    installed = {"torch": f"{pins['torch']}+cpu", "numpy": "1.0", "unknown": "1", "biasfree": VERSION}
    monkeypatch.setattr(contents, "packages", lambda root: installed)

    (only,) = contents.shortcomings(root, image())

    assert only.endswith("pins them: numpy==1.0, unknown==1")


def test_the_build_reaches_what_this_machines_pip_reaches(tmp_path, monkeypatch):
    """Its options in one file, and the local files that they name under the same paths; the environment comes last."""
    wheels, index_folder = tmp_path / "wheels", tmp_path / "index" / "simple"
    wheels.mkdir()
    index_folder.mkdir(parents=True)
    listing = f":env:.timeout='180'\nglobal.timeout='15'\nglobal.find-links='{wheels}'\n"
    listing += f"global.extra-index-url='file://{index_folder} https://example.org/simple'\n"
    answer = subprocess.CompletedProcess([sys.executable], 0, stdout=listing)
    monkeypatch.setattr(index.subprocess, "run", lambda *_, **__: answer)

    lent = index.volumes(tmp_path)

    assert lent == [
        f"--volume={wheels}:{wheels}:ro",
        f"--volume={index_folder.parent}:{index_folder.parent}:ro",
        f"--volume={tmp_path}/pip.conf:/etc/pip.conf:ro",
    ]
    assert "timeout = 180" in (tmp_path / "pip.conf").read_text().splitlines()
