"""The library gives what the service gives, and its page runs."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt
import pytest

import biasfree
from tests.integration.images import from_npy, npy

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


def blocks() -> list[str]:
    """Python of docs/library.md, section by section: NumPy (three blocks), TIFF, dask, Ray."""
    return BLOCK.findall((ROOT / "docs" / "library.md").read_text())


def run(code: str, folder: Path) -> list[str]:
    """Lines printed by a program in a process of its own."""
    process = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.splitlines()


def noisy(*shape: int, sigma: float = 20) -> npt.NDArray[np.uint8]:
    """Steps with noise."""
    steps = np.indices(shape).sum(axis=0) // 7 % 2 * 90.0 + 80
    return np.clip(steps + np.random.default_rng(0).normal(0, sigma, shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("model", ["color", "gray", "auto"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
async def test_it_gives_what_the_service_gives_to_the_bit(client: httpx.AsyncClient, model: str, dtype: str) -> None:
    """Tiled as well: the service of these tests has tiles of 512."""
    image = noisy(520, 56, 3).astype(dtype)
    answer = await client.post(
        "/denoise", params={"model": model}, content=npy(image), headers={"Content-Type": "application/x-npy"}
    )
    denoised = biasfree.load(model, tile_side=512).denoise(image, channel_axis=-1)
    np.testing.assert_array_equal(denoised, from_npy(answer.content), strict=True)


@pytest.mark.parametrize("options", [{"ensemble": 4}, {"ensemble": 2, "strength": 0.5, "output": "residual"}])
async def test_options_give_what_they_give_in_the_service(client: httpx.AsyncClient, options: dict[str, Any]) -> None:
    """Also turned images that are tiled the other way round."""
    image = noisy(520, 56, 3)
    answer = await client.post(
        "/denoise", params=options, content=npy(image), headers={"Content-Type": "application/x-npy"}
    )
    denoised = biasfree.load(tile_side=512).denoise(image, channel_axis=-1, **options)
    np.testing.assert_array_equal(denoised, from_npy(answer.content), strict=True)


async def test_its_estimate_is_that_of_the_service(client: httpx.AsyncClient) -> None:
    """In words and numbers."""
    image = noisy(96, 80)
    headers = {"Content-Type": "application/x-npy", "Accept": "application/json"}
    answer = await client.post("/denoise", params={"estimate": True}, content=npy(image), headers=headers)
    noise = biasfree.load().estimate(image)
    assert answer.json()["noise"]["description"] == noise.description
    assert answer.json()["sigma_estimate"] == pytest.approx(noise.level, rel=1e-6)


def test_the_page_of_the_library_runs(tmp_path: Path) -> None:
    """Arrays, a stack, and an array in chunks, whose result is that of the whole."""
    *sections, _ = blocks()
    printed = run("\n".join(sections), tmp_path)
    assert printed[0] == "(160, 200, 3) uint8"
    assert printed[1].startswith("white noise, level 2")
    assert printed[-1] == "True"
    assert (tmp_path / "denoised.tif").exists()


@pytest.mark.skipif(find_spec("ray") is None or find_spec("pyarrow") is None, reason="needs the extra ray")
def test_a_folder_is_denoised_by_ray_data(tmp_path: Path) -> None:
    """The same pixels as without Ray."""
    setup, *_, ray = blocks()
    check = """
import ray as started
started.shutdown()
print(np.array_equal(np.asarray(Image.open("denoised.png")), denoised))
"""
    start = (
        "import ray\nray.init(num_cpus=4, include_dashboard=False, log_to_driver=False, object_store_memory=10**8)\n"
    )
    assert run(start + setup + ray + check, tmp_path)[-1] == "True"


def test_importing_it_loads_nothing_heavy() -> None:
    """ONNX Runtime comes with the first image, torch with the first analysis."""
    code = """
import sys
import biasfree
print([name for name in ("numpy", "torch", "onnxruntime") if name in sys.modules])
model = biasfree.load("gray-dncnn")
print([name for name in ("torch", "onnxruntime") if name in sys.modules])
import numpy as np
model.denoise(np.ones((8, 8), np.float32))
print([name for name in ("torch", "onnxruntime") if name in sys.modules])
model.analyze(np.ones((4, 4), np.float32))
print("torch" in sys.modules)
"""
    assert run(code, ROOT) == ["[]", "[]", "['onnxruntime']", "True"]
