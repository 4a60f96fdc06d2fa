import pytest
import torch

from biasfree.analysis import spectrum as spectrum_module
from biasfree.analysis.jacobian import Jacobian
from biasfree.analysis.spectrum import Spectrum, decompose, dense, iterative
from tests.unit.biasfree.analysis.networks import jacobian_pixel_by_pixel, network, noisy_patch
from tests.unit.biasfree.analysis.test_jacobian import network_in_float32

MEMORY_BYTES = 10**9


@pytest.fixture(scope="module")
def jacobian() -> Jacobian:
    """The shipped gray network at a 32 x 32 patch, in the precision of the service."""
    return Jacobian(network_in_float32("shipped gray"), noisy_patch("shipped gray", 32, 32).float())


@pytest.fixture(scope="module")
def whole(jacobian: Jacobian) -> Spectrum:
    """All of its spectrum."""
    return dense(jacobian, memory_bytes=MEMORY_BYTES)


@pytest.mark.parametrize("name", ["shipped color", "untrained gray", "dncnn with bias"])
def test_dense_is_the_decomposition_of_the_jacobian(name: str) -> None:
    """U S V^T is the matrix of plain autograd, and the vectors are orthonormal."""
    noisy = noisy_patch(name, 6, 7)
    spectrum = dense(Jacobian(network(name), noisy), memory_bytes=MEMORY_BYTES)
    left, right = spectrum.left.flatten(1), spectrum.right.flatten(1)
    identity = torch.eye(len(left), dtype=torch.float64)
    torch.testing.assert_close(
        left.T * spectrum.singular_values @ right, jacobian_pixel_by_pixel(network(name), noisy), rtol=0, atol=1e-10
    )
    torch.testing.assert_close(left @ left.T, identity, rtol=0, atol=1e-10)
    torch.testing.assert_close(right @ right.T, identity, rtol=0, atol=1e-10)


@pytest.mark.parametrize("k", [1, 16])
def test_iterative_finds_the_leading_singular_values(jacobian: Jacobian, whole: Spectrum, k: int) -> None:
    """To 1e-4 of their value, on 32 x 32 pixels."""
    found = iterative(jacobian, k=k, memory_bytes=MEMORY_BYTES)
    torch.testing.assert_close(found.singular_values, whole.singular_values[:k], rtol=1e-4, atol=0)


@pytest.mark.parametrize("method", ["dense", "iterative"])
def test_residuals_are_true_and_below_the_stated_tolerance(jacobian: Jacobian, whole: Spectrum, method: str) -> None:
    """||A v - s u|| and ||A^T u - s v||, computed once more from the matrix, in float64."""
    spectrum = whole if method == "dense" else iterative(jacobian, k=16, memory_bytes=MEMORY_BYTES)
    matrix, values = whole.matrix.double(), spectrum.singular_values.double()
    left, right = spectrum.left.flatten(1).double().T, spectrum.right.flatten(1).double().T
    forward = (matrix @ right - left * values).norm(dim=0)
    backward = (matrix.T @ left - right * values).norm(dim=0)
    true = torch.maximum(forward, backward)
    assert spectrum.tolerance is not None
    assert true.max() <= spectrum.tolerance * values[0]
    torch.testing.assert_close(spectrum.residuals.double(), true, rtol=0, atol=1e-5)


def test_iterative_works_in_little_memory() -> None:
    """Two blocks and restarts find the same values as one long run, only later."""
    small = Jacobian(network_in_float32("shipped gray"), noisy_patch("shipped gray", 12, 12).float())
    found, whole = iterative(small, k=4, memory_bytes=1), dense(small, memory_bytes=MEMORY_BYTES)
    torch.testing.assert_close(found.singular_values, whole.singular_values[:4], rtol=1e-4, atol=0)


def test_what_has_not_converged_says_so(jacobian: Jacobian, monkeypatch: pytest.MonkeyPatch) -> None:
    """No tolerance is claimed that was not reached: float32 cannot reach 1e-9."""
    monkeypatch.setattr(spectrum_module, "RESTARTS", 1)
    found = iterative(jacobian, k=4, memory_bytes=MEMORY_BYTES, tolerance=1e-9)
    assert found.tolerance is None
    assert found.residuals.max() > 1e-9


@pytest.mark.parametrize(
    ("method", "side", "memory_bytes", "is_dense"),
    [
        ("auto", 16, MEMORY_BYTES, True),
        ("auto", 16, 10**6, False),
        ("iterative", 16, MEMORY_BYTES, False),
        ("iterative", 6, MEMORY_BYTES, True),
        ("dense", 16, MEMORY_BYTES, True),
        ("auto", 65, MEMORY_BYTES, False),
    ],
)
def test_the_method_follows_size_and_memory(method: str, side: int, memory_bytes: int, is_dense: bool) -> None:
    """auto is dense where that fits; an image of a few blocks' values is decomposed as a matrix in any case."""
    jacobian = Jacobian(network_in_float32("shipped gray"), noisy_patch("shipped gray", side, side).float())
    spectrum = decompose(jacobian, k=4, method=method, memory_bytes=memory_bytes)
    assert (spectrum.matrix is not None) is is_dense
    assert len(spectrum.singular_values) == (side**2 if is_dense else 4)


def test_a_black_patch_has_a_spectrum_too() -> None:
    """No ReLU is on, and A is what the network is without its ReLUs."""
    spectrum = dense(Jacobian(network("shipped gray"), torch.zeros(1, 8, 8, dtype=torch.float64)), memory_bytes=10**7)
    assert spectrum.singular_values.isfinite().all()
