"""The processes of a run: a single one, or several started by ``torchrun``."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import torch
from torch import distributed, nn

#: Names of the CPU capabilities for bfloat16 multiplication.
_BF16 = ("avx512_bf16", "amx_bf16", "bf16")


def rank_and_count() -> tuple[int, int]:
    """Return this process's rank and the number of processes, as ``torchrun`` states them; (0, 1) without it."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def _usable(name: str) -> torch.device:
    """Return the device of this process, after computing something on it."""
    try:
        device = torch.device(name)
        if device.type == "cuda" and device.index is None:
            device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.zeros(1, device=device).item()
    # Without CUDA, torch raises AssertionError; other devices raise other errors.
    except (RuntimeError, AssertionError, NotImplementedError, AttributeError, ImportError) as exc:
        raise ValueError(
            f"torch cannot compute on the device {name!r} here: use cpu, or cuda on a machine with a GPU for it"
        ) from exc
    return device


@dataclass(frozen=True)
class Processes:
    """This process's rank, the number of processes, and this process's device."""

    rank: int
    count: int
    device: torch.device

    @classmethod
    @contextmanager
    def join(cls, *, device: str | None = None) -> Iterator[Self]:
        """Join the processes that ``torchrun`` started, or run alone.

        Args:
            device: torch device; defaults to CUDA if available. ``cuda`` gives each process its own GPU.

        Raises:
            ValueError: torch does not know the device, or cannot use it on this machine.
        """
        rank, count = rank_and_count()
        chosen = _usable(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        if chosen.type == "cuda":
            torch.cuda.set_device(chosen)
        if count > 1:
            distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
        try:
            yield cls(rank, count, chosen)
        finally:
            if count > 1:
                distributed.destroy_process_group()

    @property
    def is_first(self) -> bool:
        """Tell whether this process writes the files and shows the progress."""
        return self.rank == 0

    @property
    def has_bf16(self) -> bool:
        """Tell whether the device supports bfloat16; emulation is many times slower than float32."""
        if self.device.type == "cpu":
            return any(torch.cpu.get_capabilities().get(each) for each in _BF16)
        return self.device.type != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False)

    def share(self, network: nn.Module) -> nn.Module:
        """Average gradients over all processes."""
        return nn.parallel.DistributedDataParallel(network) if self.count > 1 else network

    def agree(self, value: float) -> float:
        """Return the first process's value in every process."""
        if self.count == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64, device=self.device)
        distributed.broadcast(shared, src=0)
        return float(shared)
