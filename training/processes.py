"""One process, or several started by ``torchrun``."""

import os
from dataclasses import dataclass

import torch
from torch import distributed, nn


@dataclass(frozen=True)
class Processes:
    """Which process this is, of how many, and its device."""

    rank: int
    count: int
    device: torch.device

    @classmethod
    def start(cls, *, device: str | None = None) -> "Processes":
        """Join the group that ``torchrun`` started, or stand alone. Without ``device``: CUDA where there is one."""
        count = int(os.environ.get("WORLD_SIZE", "1"))
        rank, local_rank = int(os.environ.get("RANK", "0")), int(os.environ.get("LOCAL_RANK", "0"))
        if device is None:
            device = f"cuda:{local_rank}" if torch.cuda.is_available() else "cpu"
        chosen = torch.device(device)
        if count > 1:
            distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
        return cls(rank, count, chosen)

    @property
    def is_first(self) -> bool:
        """The process that writes files and shows progress."""
        return self.rank == 0

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

    def stop(self) -> None:
        """Leave the group."""
        if self.count > 1:
            distributed.destroy_process_group()
