"""Muon."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from training.fit.muon import NEWTON_SCHULZ, Muon, orthogonalize

SHAPES = [(1, 4, 36), (3, 32, 288), (2, 40, 16), (3, 16, 16), (1, 1, 9), (1, 9, 1)]


def dense(matrices: np.ndarray) -> np.ndarray:
    """Apply the quintic five times to each singular value, by an SVD in float64."""
    a, b, c = NEWTON_SCHULZ
    u, s, vt = np.linalg.svd(matrices.astype(np.float64), full_matrices=False)
    s = s / np.linalg.norm(s, axis=1, keepdims=True)
    for _ in range(5):
        s = a * s + b * s**3 + c * s**5
    return (u * s[:, None, :]) @ vt


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_orthogonalize_equals_the_dense_reference(shape: tuple[int, int, int]) -> None:
    """This includes tall matrices and any scale."""
    matrices = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    result = orthogonalize(torch.from_numpy(matrices * np.float32(1e-3))).numpy()
    assert result.dtype == np.float32
    assert np.allclose(result, dense(matrices), atol=2e-4)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_orthogonalized_singular_values_are_near_one(shape: tuple[int, int, int]) -> None:
    """They deviate by the spread of the quintic only."""
    matrices = torch.from_numpy(np.random.default_rng(1).standard_normal(shape))
    values = torch.linalg.svdvals(orthogonalize(matrices).double())
    assert 0.6 < float(values.min()) <= float(values.max()) < 1.3


def test_zero_gradient_moves_nothing() -> None:
    """There is no division by zero."""
    assert torch.equal(orthogonalize(torch.zeros(2, 3, 5)), torch.zeros(2, 3, 5))


@pytest.mark.parametrize(
    "layer",
    [nn.Conv2d(6, 4, 3), nn.Conv2d(4, 8, 2, stride=2), nn.ConvTranspose2d(8, 4, 2, stride=2)],
    ids=lambda layer: type(layer).__name__ + str(tuple(layer.weight.shape)),
)
def test_step_moves_each_kernel_by_the_orthogonalized_momentum(layer: nn.Module) -> None:
    """The reference makes two steps with Nesterov momentum and weight decay for two equal kernels, in float64."""
    random = np.random.default_rng(2)
    kernels = [nn.Parameter(layer.weight.detach().clone().to(memory_format=torch.channels_last)) for _ in range(2)]
    optimizer = Muon(kernels, learning_rate=0.1, momentum=0.9, weight_decay=0.5)
    expected = [kernel.detach().numpy().astype(np.float64) for kernel in kernels]
    momenta = [np.zeros_like(value) for value in expected]
    for _ in range(2):
        for index, kernel in enumerate(kernels):
            gradient = random.standard_normal(kernel.shape)
            kernel.grad = torch.from_numpy(gradient).float()
            momenta[index] = 0.9 * momenta[index] + 0.1 * gradient
            matrix = (0.1 * gradient + 0.9 * momenta[index]).reshape(1, kernel.shape[0], -1)
            scale = 0.2 * math.sqrt(max(matrix.shape[1:]))
            update = dense(matrix).reshape(kernel.shape)
            expected[index] = expected[index] * (1 - 0.1 * 0.5) - 0.1 * scale * update
        optimizer.step()
    for kernel, value in zip(kernels, expected, strict=True):
        assert np.allclose(kernel.detach().numpy(), value, atol=1e-4)


def test_kernel_without_gradient_stays() -> None:
    """Frozen parameters are not changed."""
    kernel = nn.Parameter(torch.ones(2, 3))
    Muon([kernel], learning_rate=0.1).step()
    assert torch.equal(kernel, torch.ones(2, 3))
