"""Objects that a network's ``forward`` takes for tensors."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

Function = Callable[..., Any]


class Operand(ABC):
    """Stands for a tensor (B, C, H, W): every function of torch that meets one is handed to ``apply``."""

    @property
    @abstractmethod
    def shape(self) -> torch.Size:
        """(B, C, H, W)."""

    @abstractmethod
    def apply(self, function: Function, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Do what stands for ``function``; ``args`` hold this object and maybe others of its kind."""

    @classmethod
    def __torch_function__(
        cls, function: Function, types: Sequence[type], args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """How torch hands over a call (https://docs.pytorch.org/docs/stable/notes/extending.html)."""
        operand = next(operands(args), None)
        if operand is None:
            raise TypeError(f"{function.__name__} takes an image by keyword: the analysis cannot take it apart")
        return operand.apply(function, args, kwargs or {})

    def __add__(self, other: Any) -> Any:
        return self.apply(torch.Tensor.add, (self, other), {})

    def __sub__(self, other: Any) -> Any:
        return self.apply(torch.Tensor.sub, (self, other), {})

    def __getitem__(self, index: Any) -> Any:
        return self.apply(torch.Tensor.__getitem__, (self, index), {})


def operands(args: Sequence[Any]) -> Iterator[Any]:
    """The operands among arguments, also inside lists."""
    for each in args:
        if isinstance(each, Operand):
            yield each
        elif isinstance(each, (list, tuple)):
            yield from operands(each)


def unwrapped(args: Sequence[Any], tensor_of: Callable[[Any], torch.Tensor]) -> list[Any]:
    """The same arguments with tensors in place of operands."""
    return [
        tensor_of(each)
        if isinstance(each, Operand)
        else unwrapped(each, tensor_of)
        if isinstance(each, (list, tuple)) and any(True for _ in operands(each))
        else each
        for each in args
    ]
