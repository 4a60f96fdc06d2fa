"""Stand-ins for tensors that a network's ``forward`` accepts."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

Function = Callable[..., Any]


class Operand(ABC):
    """A stand-in for a tensor (B, C, H, W): torch passes every function called on one to ``apply``."""

    @property
    @abstractmethod
    def shape(self) -> torch.Size:
        """Return (B, C, H, W)."""

    @abstractmethod
    def apply(self, function: Function, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Apply the counterpart of ``function``; ``args`` contain this object and possibly other operands."""

    @classmethod
    def __torch_function__(
        cls, function: Function, types: Sequence[type], args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Receive a call from torch (https://docs.pytorch.org/docs/stable/notes/extending.html)."""
        operand = next(operands(args), None)
        if operand is None:
            raise TypeError(f"cannot analyze this network: {function.__name__} takes an image by keyword")
        return operand.apply(function, args, kwargs or {})

    def __add__(self, other: Any) -> Any:
        return self.apply(torch.Tensor.add, (self, other), {})

    def __sub__(self, other: Any) -> Any:
        return self.apply(torch.Tensor.sub, (self, other), {})

    def __getitem__(self, index: Any) -> Any:
        return self.apply(torch.Tensor.__getitem__, (self, index), {})


def operands(args: Sequence[Any]) -> Iterator[Any]:
    """Yield the operands among arguments, including those inside lists."""
    for each in args:
        if isinstance(each, Operand):
            yield each
        elif isinstance(each, (list, tuple)):
            yield from operands(each)


def unwrapped(args: Sequence[Any], tensor_of: Callable[[Any], torch.Tensor]) -> list[Any]:
    """Return the arguments with tensors in place of operands."""
    return [
        tensor_of(each)
        if isinstance(each, Operand)
        else unwrapped(each, tensor_of)
        if isinstance(each, (list, tuple)) and any(True for _ in operands(each))
        else each
        for each in args
    ]
