"""Several processes with the environment that torchrun gives them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from bench.server import free_port
from tests.unit.training.fit.runs import ALONE, TINY, assert_same, fit
from training.fit.checkpoint import FILE, Checkpoint
from training.fit.processes import Processes

ROOT = Path(__file__).parents[4]


def train(folder: Path) -> None:
    """Do the part of one process, whose environment says which it is."""
    with Processes.join(device="cpu") as processes:
        recipe, output = TINY.with_budget(steps=3, minutes=None), folder / f"out{processes.rank}"
        trainer, record = fit(recipe, output, processes=processes)
        torch.save((trainer.checkpoint().network, record.losses), folder / f"rank{processes.rank}.pt")


def test_two_processes_learn_the_same_weights_from_different_pairs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They use gloo on the CPU, and only the first one writes and reports.

    The first is this one, and both have the environment that torchrun would give them: to start an interpreter with
    torch is what takes the time.
    """
    both = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    script = f"from pathlib import Path; from {__name__} import train; train(Path({str(tmp_path)!r}))"
    environment = {**os.environ, **both, "RANK": "1"}
    other = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, env=environment, stderr=subprocess.PIPE)
    try:
        for name, value in {**both, "RANK": "0"}.items():
            monkeypatch.setenv(name, value)
        train(tmp_path)
        _, error = other.communicate(timeout=300)
        assert other.returncode == 0, error
    finally:
        other.kill()
    (first, losses), (second, nothing) = (torch.load(tmp_path / f"rank{rank}.pt") for rank in range(2))
    assert_same(first, second)
    assert (len(losses), nothing) == (3, [])
    saved = Checkpoint.load(tmp_path / "out0")
    assert saved is not None
    assert_same(saved.network, first)
    assert not (tmp_path / "out1" / FILE).exists()


def test_without_torchrun_a_process_stands_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the first of one, and agrees with itself."""
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    network = torch.nn.Identity()
    with Processes.join(device="cpu") as processes:
        assert (processes.rank, processes.count, processes.is_first) == (0, 1, True)
        assert processes.agree(0.25) == 0.25
        assert processes.share(network) is network


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "meta", "mps"])
def test_a_device_that_cannot_compute_is_one_sentence(device: str) -> None:
    """Neither its name nor the machine need to have it."""
    with (
        pytest.raises(ValueError, match=f"torch cannot compute on the device '{device}' here"),
        Processes.join(device=device),
    ):
        pass


@pytest.mark.parametrize(
    "capabilities", [{"avx512_bf16": True}, {"amx_bf16": True}, {"avx2": True, "avx512_bf16": False}]
)
def test_a_processor_has_bf16_or_computes_in_float32(capabilities, monkeypatch, tmp_path: Path) -> None:
    """Without bf16, a bf16 recipe gives the losses of float32, in a fraction of the time of emulation."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    has_it = any(value for name, value in capabilities.items() if "bf16" in name)
    assert ALONE.has_bf16 is has_it
    half = TINY.model_copy(update={"precision": "bf16", "steps": 5})
    losses = fit(half, tmp_path / "bf16")[1].losses
    exact = fit(half.model_copy(update={"precision": "fp32"}), tmp_path / "fp32")[1].losses
    assert (losses == exact) is not has_it
