"""The examples in the client's documents run as they stand."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.integration.images import photograph, with_noise

ROOT = Path(__file__).parents[2]
DOCUMENTS = ["client/README.md", "docs/client.md"]


def blocks(document: str, language: str) -> list[str]:
    """Fenced code of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / document).read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path) -> Path:
    """The files that the documents speak of."""
    clean = photograph(48)
    noisy = with_noise(clean, 25)
    np.save(tmp_path / "noisy.npy", noisy.astype(np.float32))
    (tmp_path / "photos").mkdir()
    for name, image in {"clean.png": clean, "noisy.png": noisy, "photos/01.png": noisy, "photos/02.png": noisy}.items():
        Image.fromarray(np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8)).save(tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_python_examples_run(document, server, folder):
    """All of a document after each other, against the real service."""
    code = "\n".join(blocks(document, "python")).replace("http://127.0.0.1:8000", server)
    assert "Denoiser" in code
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_commands_run(document, server, folder):
    """Each ends with 0; ``biasfree`` is the script of this environment."""
    script = "set -euo pipefail\n" + "".join(blocks(document, "sh"))
    assert "biasfree denoise" in script
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "BIASFREE_URL": server}
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, cwd=folder, env=environment, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_documents_name_every_error_and_extra():
    """That a user may meet."""
    import tomllib

    from biasfree_client import _errors

    text = (ROOT / "docs/client.md").read_text()
    tree = {name for name, each in vars(_errors).items() if isinstance(each, type) and issubclass(each, Exception)}
    roots = {name for name in tree if not issubclass(getattr(_errors, name), _errors.ProblemError)}
    assert all(f"`{name}`" in text for name in {*roots, "ProblemError"})
    project = tomllib.loads((ROOT / "client/pyproject.toml").read_text())["project"]
    readme = (ROOT / "client/README.md").read_text()
    assert all(f"| `{extra}` |" in readme for extra in project["optional-dependencies"])
