"""What Dockerfile, compose file and Makefile promise of the container. `make image-check` builds and runs it."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from bench.container import contents, index
from bench.container.images import Configuration, base_name
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
def root(tmp_path):
    """The files of an image, with the checkout's weights and little else."""
    weights = tmp_path / "opt/biasfree/lib/python3.11/site-packages/biasfree/weights"
    weights.mkdir(parents=True)
    for path in (ROOT / "biasfree/weights").glob("*.onnx"):
        (weights / path.name).write_bytes(path.read_bytes())
    (tmp_path / "usr/bin").mkdir(parents=True)
    return tmp_path


def image(**changed):
    """What a good image says of itself, with changes."""
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
    assert allowed == {"pyproject.toml", "constraints.txt", "README.md", "LICENSE", "biasfree", "service", "training"}


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
    installed = {"torch": f"{pins['torch']}+cpu", "numpy": "1.0", "unknown": "1", "biasfree": "0.1.0"}
    monkeypatch.setattr(contents, "packages", lambda root: installed)

    (only,) = contents.shortcomings(root, image())

    assert only.endswith("got numpy==1.0, unknown==1")


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
