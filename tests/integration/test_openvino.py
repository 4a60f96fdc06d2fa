"""The optional engine gives what the standard one gives."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bench.quality import loss_at_db
from biasfree.artifact import SHIPPED, Artifact
from biasfree.engines.engine import DeviceUnavailable
from biasfree.engines.onnx_engine import OnnxEngine
from service.queue.golden import check_golden
from tests.integration.clients import client_of
from tests.integration.images import NPY, from_npy, npy, photograph

openvino = pytest.importorskip("openvino", reason="an extra, and not installed for this machine")
from biasfree.engines.openvino_engine import OpenVinoEngine  # noqa: E402
from service.app import start  # noqa: E402
from service.settings import Settings  # noqa: E402

MODELS = {path.stem: Artifact.load(path) for path in SHIPPED.glob("*.onnx")}
#: Compiling all of them for one fact takes longer than the fact.
GRAY = {"gray": MODELS["gray"]}


@pytest.fixture(scope="module")
def noisy() -> Iterator[np.ndarray]:
    """A photograph with noise of sigma 25, odd sides."""
    clean = photograph(181)[:, :155].astype(np.float32)
    return clean + 25 / 255 * np.random.default_rng(0).standard_normal(clean.shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(1, 1), (7, 13), (64, 64), (181, 155)], ids=str)
def test_float32_is_the_same_network(shape: tuple[int, int], noisy: np.ndarray) -> None:
    """To the rounding of float32, at any size."""
    batch = np.ascontiguousarray(noisy[None, None, : shape[0], : shape[1]])
    ours = OpenVinoEngine(GRAY).run("gray", batch)
    np.testing.assert_allclose(ours, OnnxEngine(GRAY, device="cpu").run("gray", batch), atol=1e-5)


def test_results_stay_when_the_engine_goes_on(noisy: np.ndarray) -> None:
    """OpenVINO uses its output's memory again; what was handed out is a copy."""
    engine = OpenVinoEngine(GRAY)
    first = engine.run("gray", noisy[None, None])
    kept = first.copy()
    engine.run("gray", np.zeros_like(noisy)[None, None])
    np.testing.assert_array_equal(first, kept)


def test_releasing_memory_changes_nothing(noisy: np.ndarray) -> None:
    """The next result is the same."""
    engine = OpenVinoEngine(GRAY)
    before = engine.run("gray", noisy[None, None])
    engine.release()
    np.testing.assert_array_equal(engine.run("gray", noisy[None, None]), before)


def test_bfloat16_passes_the_golden_tile_where_the_processor_has_it() -> None:
    """Within its own tolerance, not within that of float32; elsewhere it refuses to start."""
    try:
        engine = OpenVinoEngine(MODELS, precision="bfloat16")
    except DeviceUnavailable as exc:
        pytest.skip(str(exc))
    for model in MODELS.values():
        check_golden(engine, model.card)


@pytest.mark.parametrize("model", ["gray-best", "color"])
def test_bfloat16_costs_next_to_nothing_of_the_quality(model: str) -> None:
    """At low noise the first convolution decides: all in bfloat16, gray-best lost 0.17 dB on these at sigma 5."""
    try:
        engine = OpenVinoEngine({model: MODELS[model]}, precision="bfloat16")
    except DeviceUnavailable as exc:
        pytest.skip(str(exc))
    reference = OnnxEngine({model: MODELS[model]}, device="cpu")
    assert max(loss_at_db(reference, engine, MODELS[model].card, sigma) for sigma in (1, 5, 25)) < 0.02


def test_a_signal_finds_the_process_alive_when_another_thread_dropped_the_engine() -> None:
    """In a process of its own, which a signal without a stack would end by SIGSEGV."""
    child = (
        "import gc, signal, threading; from biasfree.artifact import SHIPPED, Artifact;"
        "from biasfree.engines.openvino_engine import OpenVinoEngine;"
        "engines = [OpenVinoEngine({'gray': Artifact.load(SHIPPED / 'gray.onnx')})];"
        "drop = threading.Thread(target=lambda: (engines.clear(), gc.collect()));"
        "drop.start(); drop.join();"
        "signal.signal(signal.SIGTERM, lambda *_: print('heard'));"
        "signal.raise_signal(signal.SIGTERM)"
    )
    ended = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "heard\n"), ended.stderr


@pytest.fixture
def anyio_backend() -> str:
    """The service runs on asyncio."""
    return "asyncio"


@pytest.mark.anyio
async def test_the_service_runs_on_it(noisy: np.ndarray, gray_alone: Path) -> None:
    """Chosen by a setting; the answer is the standard one's."""
    settings = Settings(device="cpu", engine="openvino", analysis_enabled=False, models_dir=gray_alone)
    async with client_of(start(settings)) as client:
        answer = await client.post("/denoise?model=gray", content=npy(noisy), headers=NPY)
    expected = OnnxEngine(GRAY, device="cpu").run("gray", noisy[None, None])[0, 0]
    np.testing.assert_allclose(from_npy(answer.content), expected, atol=1e-5)
