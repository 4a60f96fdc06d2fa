"""Initial weights for a network with more features, from those of a narrower one, so that both compute the same.

Source: Chen et al. 2016, "Net2Net: accelerating learning via knowledge transfer" (arxiv.org/abs/1511.05641): features
are repeated, and the weights of their copies in the next layer add up to the weight before. Uneven shares make the
copies' gradients differ, so that training separates them.
"""

import torch

#: Weights of the copies before they are divided by their sum.
_SHARES = (0.5, 1.5)


def widen(
    weights: dict[str, torch.Tensor], shapes: dict[str, torch.Size], *, transposed: set[str], seed: int
) -> dict[str, torch.Tensor]:
    """Return the weights of a convolutional network whose features are repeated.

    Args:
        weights: Kernels (outputs, inputs, rows, columns) of a network without normalization and without bias.
        shapes: Their shapes in the wider network; numbers of features are multiples of those in ``weights``.
        transposed: Names of transposed convolutions, whose kernels are (inputs, outputs, rows, columns).
        seed: Seed of the shares.

    Raises:
        ValueError: A shape is not a multiple of that in ``weights``.
    """
    generator = torch.Generator().manual_seed(seed)
    widened = {}
    for name, shape in shapes.items():
        kernel = weights[name]
        out_dimension, in_dimension = (1, 0) if name in transposed else (0, 1)
        if shape[2:] != kernel.shape[2:] or any(new % old for new, old in zip(shape, kernel.shape, strict=True)):
            raise ValueError(f"{name} is {tuple(kernel.shape)}, which does not widen to {tuple(shape)}")
        out_copies = shape[out_dimension] // kernel.shape[out_dimension]
        in_copies = shape[in_dimension] // kernel.shape[in_dimension]
        kernel = torch.cat([kernel] * out_copies, dim=out_dimension)
        low, high = _SHARES
        shares = low + (high - low) * torch.rand(in_copies, *kernel.shape, generator=generator)
        widened[name] = torch.cat(list(kernel * shares / shares.sum(dim=0)), dim=in_dimension)
    return widened
