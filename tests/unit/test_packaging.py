"""What is installed, what it pulls in, and what the repository must not say."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
PACKAGES = ("biasfree", "service", "training")
#: Each costs seconds at import, or is not the client's to need.
HEAVY = {"torch", "onnxruntime", "matplotlib", "scipy"}
#: In halves, so that this file passes its own test.
REGISTRY_HOSTS = [
    ".".join(halves).encode()
    for halves in [
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("download.pytorch", "org"),
        ("docker", "io"),
        ("ghcr", "io"),
        ("quay", "io"),
        ("nvcr", "io"),
        ("mcr.microsoft", "com"),
        ("registry.npmjs", "org"),
    ]
]


def direct_dependencies(folder):
    """Names of everything that a pyproject.toml asks for."""
    document = tomllib.loads((folder / "pyproject.toml").read_text())
    project = document["project"]
    lists = [document["build-system"]["requires"], project["dependencies"]]
    lists += project.get("optional-dependencies", {}).values()
    names = {canonicalize_name(Requirement(entry).name) for entries in lists for entry in entries}
    return names - {canonicalize_name(project["name"])}


def constraints():
    """Lines of constraints.txt that are not comments."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return [line for line in lines if not line.startswith("#")]


def build_wheel(source, target):
    """Build a wheel from a folder, offline, and give the names of the files in it, without its metadata."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-index", "--no-deps"]
    subprocess.run([*command, "--no-build-isolation", "--wheel-dir", target, source], check=True, capture_output=True)
    (wheel,) = target.glob("*.whl")
    return {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}


def files_below(folder):
    """Paths of a package's files, relative to what holds the package."""
    paths = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder.parent).as_posix() for path in paths}


@pytest.mark.parametrize("folder", ["", "client"])
def test_every_direct_dependency_is_pinned(folder):
    """What a pyproject.toml leaves open, constraints.txt decides."""
    pinned = {canonicalize_name(line.partition("==")[0]) for line in constraints()}

    assert direct_dependencies(ROOT / folder) <= pinned


def test_pins_are_exact_public_and_unique():
    """One version each, without a local label: a CPU and a CUDA wheel of torch satisfy the same pin."""
    lines = constraints()

    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9a-z.]*", line)] == []
    names = [canonicalize_name(line.partition("==")[0]) for line in lines]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("package", "foreign"),
    [
        ("biasfree", HEAVY),
        ("service", HEAVY),
        ("training", HEAVY),
        ("biasfree_client", HEAVY | {"biasfree", "service", "training", "fastapi", "pydantic", "PIL"}),
        # httpx loads rich where it is installed, so that it is put off too.
        ("biasfree_client", {"httpx", "rich", "typer", "asyncio", "tifffile", "imagecodecs", "skimage"}),
    ],
)
def test_import_is_light(package, foreign):
    """Importing a package loads none of what takes long, nor anything that is not its own."""
    code = f"import sys, {package}; print(*sorted({foreign} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT).stdout

    assert loaded.split() == []


def test_no_file_names_a_registry_host():
    """Where packages and images come from is the installing machine's setting, not ours."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout

    paths = [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]
    found = [(path, host) for path in paths for host in REGISTRY_HOSTS if host in path.read_bytes()]
    assert found == []


#: Where the version stands beside pyproject.toml, and how it is found there.
PLACES = {
    "client/biasfree_client/_version.py": r'^__version__ = "(.*)"$',
    # The newest section with a date; what is not released yet stands before it.
    "CHANGELOG.md": r"\A[^\0]*?^## \[(\d[^]]*)\] - \d{4}-\d\d-\d\d$",
    "deploy/kubernetes/overlays/cpu/kustomization.yaml": r"newTag: (\S+)$",
    "deploy/kubernetes/overlays/gpu/kustomization.yaml": r"newTag: (\S+)-cuda$",
    "docs/deployment.md": r"(?:biasfree:|newTag: )(\d+\.\d+\.\d+)",
}


@pytest.mark.parametrize("place", PLACES)
def test_every_place_has_the_version_of_pyproject(place):
    """The client's, the newest release's, and those of image tags."""
    found = re.findall(PLACES[place], (ROOT / place).read_text(), re.MULTILINE)

    assert set(found) == {VERSION}


def test_make_and_the_image_read_the_version():
    """Neither has it a second time: make reads pyproject.toml, and the image's label is what make passes."""
    makefile, dockerfile = (ROOT / "Makefile").read_text(), (ROOT / "Dockerfile").read_text()

    assert VERSION not in makefile + dockerfile
    assert "--build-arg VERSION='$(VERSION)'" in makefile
    assert 'image.version="${VERSION}"' in dockerfile
    command = next(line for line in makefile.splitlines() if line.startswith("VERSION = "))
    (shell,) = re.findall(r"\$\(shell (.*)\)$", command)
    printed = subprocess.run(["bash", "-c", shell], check=True, capture_output=True, text=True, cwd=ROOT)
    assert printed.stdout.strip() == VERSION


def extra(name):
    """Names of the distributions that an extra brings, extras of ours within it included."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for requirement in map(Requirement, extras[name]):
        if canonicalize_name(requirement.name) == "biasfree":
            for each in requirement.extras:
                yield from extra(each)
        else:
            yield canonicalize_name(requirement.name)


@pytest.mark.parametrize("name", ["training", "bench", "dev"])
def test_extras_that_compute_bring_the_analysis(name):
    """Whoever trains, measures or develops needs torch and matplotlib."""
    assert set(extra("analysis")) <= set(extra(name))


def test_make_serve_the_image_and_its_bill_of_materials_are_of_the_same_extras():
    """Everything but what develops: `make serve`, `make sbom` and the images cpu and cuda."""
    makefile, dockerfile = (ROOT / "Makefile").read_text(), (ROOT / "Dockerfile").read_text()

    assert re.findall(r"'\.\[(analysis[^]]*)\]'", makefile) == ["analysis,classical,tracing,heif,raw,dicom"] * 2
    assert re.findall(r'(\w+)\) extras="([^"]*)"', dockerfile) == [
        ("cpu", "analysis classical tracing heif raw dicom"),
        ("slim", ""),
        ("cuda", "analysis classical tracing heif raw dicom"),
    ]


def test_wheel_holds_every_file_of_the_packages(tmp_path):
    """Weights, recipes, lists and type markers are package data: what is installed is what is in the tree."""
    source = tmp_path / "source"
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.rmtree(source / "training/checkpoints", ignore_errors=True)  # of runs that go on, and not installed
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    # Names are what is compared; to compress the weights takes seconds.
    for weights in (source / "biasfree/weights").iterdir():
        weights.write_bytes(b"")

    built = build_wheel(source, tmp_path / "dist")

    assert built == set().union(*(files_below(source / name) for name in PACKAGES))
    assert "training/recipes/gray.toml" in built
    assert "training/data/photos.tsv" in built
    assert "biasfree/py.typed" in built


def test_wheel_of_the_client_holds_the_client_alone(tmp_path):
    """The client is a distribution of its own, with its type marker."""
    ignored = shutil.ignore_patterns("__pycache__", "build", "*.egg-info")
    shutil.copytree(ROOT / "client", tmp_path / "source", ignore=ignored)

    built = build_wheel(tmp_path / "source", tmp_path / "dist")

    assert built == files_below(ROOT / "client" / "biasfree_client")
    assert "biasfree_client/py.typed" in built
