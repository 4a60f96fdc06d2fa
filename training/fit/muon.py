"""The optimizer Muon: momentum, replaced by the nearest semi-orthogonal matrix.

Source: Jordan et al. 2024, kellerjordan.github.io/posts/muon.

``torch.optim.Muon`` accepts matrices only and orthogonalizes them one by one. Here the parameters are convolution
kernels, treated as matrices (first dimension, all others), and all kernels of one shape are orthogonalized in one
batched product. The Newton-Schulz iteration runs on the small Gram matrix, ``X_k = Q_k X_0``: with widths up to 128 and
nine taps this needs about a third of the multiplications of iterating on the kernel itself, and is cheap enough for
float32.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, overload

import torch
from torch import nn

#: Quintic coefficients of Jordan et al.: they bring singular values into about [0.7, 1.2] in five steps.
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
STEPS = 5
#: Update RMS like AdamW's (Liu et al. 2025, "Muon is scalable for LLM training", section 2.2).
UPDATE_RMS = 0.2


def orthogonalize(matrices: torch.Tensor) -> torch.Tensor:
    """Replace the singular values of each matrix by values near 1.

    Args:
        matrices: (n, rows, columns), floating point.

    Returns:
        (n, rows, columns), float32, with the singular vectors of ``matrices``.
    """
    start = matrices.float()
    tall = start.shape[1] > start.shape[2]
    if tall:
        start = start.mT
    start = start / torch.linalg.matrix_norm(start, keepdim=True).clamp_min(1e-12)
    a, b, c = NEWTON_SCHULZ
    gram = start @ start.mT
    identity = torch.eye(gram.shape[1], device=gram.device)
    product = identity.expand_as(gram)
    for _ in range(STEPS):
        polynomial = a * identity + b * gram + c * (gram @ gram)
        product = polynomial @ product
        gram = polynomial @ gram @ polynomial
    result: torch.Tensor = product @ start
    return result.mT if tall else result


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalized kernel by kernel.

    Args:
        parameters: Kernels with at least two dimensions.
        learning_rate: Step size, of the same order as for AdamW (see ``UPDATE_RMS``).
        momentum: Decay of the momentum.
        weight_decay: Decoupled weight decay.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        learning_rate: float,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, {"lr": learning_rate, "momentum": momentum, "weight_decay": weight_decay})

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Update every kernel that has a gradient."""
        loss = None if closure is None else closure()
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[nn.Parameter]] = defaultdict(list)
            for kernel in group["params"]:
                if kernel.grad is not None:
                    by_shape[kernel.shape].append(kernel)
            for kernels in by_shape.values():
                self._step_shape(kernels, group)
        return loss

    def _step_shape(self, kernels: list[nn.Parameter], group: dict[str, Any]) -> None:
        directions = torch.stack([self._direction(kernel, group["momentum"]).flatten(1) for kernel in kernels])
        updates = orthogonalize(directions)
        scale = UPDATE_RMS * math.sqrt(max(updates.shape[1:]))
        for kernel, update in zip(kernels, updates, strict=True):
            kernel.mul_(1 - group["lr"] * group["weight_decay"])
            kernel.add_(update.view(kernel.shape).to(kernel.dtype), alpha=-group["lr"] * scale)

    def _direction(self, kernel: nn.Parameter, momentum: float) -> torch.Tensor:
        """Return Nesterov's look-ahead: the gradient, moved toward its running mean."""
        assert kernel.grad is not None
        state = self.state[kernel]
        if not state:
            state["momentum"] = torch.zeros_like(kernel)
        running: torch.Tensor = state["momentum"]
        running.lerp_(kernel.grad, 1 - momentum)
        return kernel.grad.lerp(running, momentum)
