"""One process, or several started by ``torchrun``."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import torch
from torch import distributed, nn

#: Capabilities of processors that multiply bfloat16.
_BF16 = ("avx512_bf16", "amx_bf16", "bf16")


@dataclass(frozen=True)
class Processes:
    """Which process this is, of how many, and its device."""

    rank: int
    count: int
    device: torch.device

    @classmethod
    @contextmanager
    def join(cls, *, device: str | None = None) -> Iterator[Self]:
        """Be one of the processes that ``torchrun`` started, or stand alone.

        Args:
            device: torch device; by default CUDA where there is one. ``cuda`` means a GPU for each process.
        """
        count, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
        chosen = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        if chosen.type == "cuda":
            chosen = torch.device(
                "cuda", int(os.environ.get("LOCAL_RANK", "0")) if chosen.index is None else chosen.index
            )
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
        """The process that writes files and shows progress."""
        return self.rank == 0

    @property
    def has_bf16(self) -> bool:
        """Whether the device multiplies bfloat16 itself; where it is emulated, float32 is many times as fast."""
        if self.device.type == "cpu":
            return any(torch.cpu.get_capabilities().get(each) for each in _BF16)
        return self.device.type != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False)

    def share(self, network: nn.Module) -> nn.Module:
        """Average gradients over all processes."""
        return nn.parallel.DistributedDataParallel(network) if self.count > 1 else network

    def agree(self, value: float) -> float:
        """The first process's value, in all of them."""
        if self.count == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64, device=self.device)
        distributed.broadcast(shared, src=0)
        return float(shared)
