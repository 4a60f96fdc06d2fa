"""Benchmarks of the analysis: the Jacobian against one backward pass per pixel, the decomposition, and the memory."""

import resource
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import skimage.data
import torch

from bench.rows import Row, race
from biasfree import rebuild
from biasfree.analysis.analyze import analyze
from biasfree.analysis.jacobian import Jacobian
from biasfree.analysis.report import Patch
from biasfree.analysis.request import AnalysisRequest
from biasfree.analysis.spectrum import dense, iterative
from biasfree.architectures import DnCNN, Network, ResUNet
from biasfree.artifact import SHIPPED, Artifact

SIDE, ROUNDS = 40, 5
MEMORY_BYTES = 2**31


def rows() -> Iterator[Row]:
    """Yield every measurement, the long ones last."""
    torch.set_flush_denormal(True)
    yield _jacobian("the shipped gray network", _shipped(), ROUNDS, "10")
    yield _jacobian("the same architecture, random kernels: no silent channels", _random(ResUNet()), ROUNDS, "")
    yield _jacobian("DnCNN, 20 layers of 64, random kernels", _random(DnCNN(normalise=False)), 3, "4")
    yield _decomposition(SIDE)
    yield _leading(SIDE)
    yield _memory()


def pixel_loop(network: Network, noisy: torch.Tensor) -> torch.Tensor:
    """Compute the Jacobian (N, N) by one forward pass and one backward pass per output value."""
    image = noisy[None].clone().requires_grad_()
    values = network(image).flatten()
    # Indexed, because the gradient of an iterated tensor takes half as long again.
    each = (values[index] for index in range(values.numel()))
    return torch.stack([torch.autograd.grad(value, image, retain_graph=True)[0].flatten() for value in each])


def noisy_patch(side: int) -> torch.Tensor:
    """Return a noisy patch (1, P, P) of a photograph, sigma 25, in [0, 1]."""
    photograph: npt.NDArray[np.uint8] = skimage.data.camera()  # type: ignore[no-untyped-call]  # it has no types
    clean = photograph[90 : 90 + side, 200 : 200 + side] / 255
    noisy = clean + 25 / 255 * np.random.default_rng(0).standard_normal(clean.shape)
    return torch.from_numpy(noisy.astype(np.float32))[None]


def peak_bytes_of_dense_analysis() -> int:
    """Measure the peak resident memory of an analysis of a 64 x 64 patch, in a separate process."""
    answer = subprocess.run(
        [sys.executable, "-c", "from bench.analysis import print_peak; print_peak()"],
        check=True,
        capture_output=True,
        text=True,
    )
    return int(answer.stdout)


def print_peak() -> None:
    """Analyze a patch and print the peak memory of this process."""
    noisy = 255 * noisy_patch(64).numpy()
    analyze(
        _shipped(),
        AnalysisRequest(noisy, patch=Patch(0, 0, 64, 64), white=255, k=8, method="dense", memory_bytes=MEMORY_BYTES),
    )
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sys.stdout.write(str(kibibytes * 1024))


def _jacobian(name: str, network: Network, rounds: int, wanted: str) -> Row:
    noisy = noisy_patch(SIDE)
    found = Jacobian(network, noisy).dense(memory_bytes=MEMORY_BYTES)
    torch.testing.assert_close(found, pixel_loop(network, noisy), rtol=0, atol=1e-5 * float(found.abs().max()))
    ours, loop, ratio = race(
        lambda: Jacobian(network, noisy).dense(memory_bytes=MEMORY_BYTES),
        lambda: pixel_loop(network, noisy),
        rounds=rounds,
    )
    what = f"Jacobian of {SIDE} x {SIDE}, against one backward pass per pixel: {name}"
    return Row(what, f"{ours:.2f} s", f"{loop:.2f} s", ratio, wanted and f"at least {wanted} times")


def _decomposition(side: int) -> Row:
    jacobian = Jacobian(_shipped(), noisy_patch(side))
    matrix = jacobian.dense(memory_bytes=MEMORY_BYTES).numpy()
    ours, numpy, ratio = race(
        lambda: torch.linalg.svd(torch.from_numpy(matrix)), lambda: np.linalg.svd(matrix), rounds=ROUNDS
    )
    return Row(f"SVD of that matrix, {side**2} x {side**2}, against numpy's", f"{ours:.2f} s", f"{numpy:.2f} s", ratio)


def _leading(side: int) -> Row:
    jacobian = Jacobian(_shipped(), noisy_patch(side))
    ours, whole, ratio = race(
        lambda: iterative(jacobian, k=8, memory_bytes=MEMORY_BYTES),
        lambda: dense(jacobian, memory_bytes=MEMORY_BYTES),
        rounds=ROUNDS,
    )
    what = f"8 leading triplets of {side} x {side}, iterative against dense (Jacobian and SVD)"
    return Row(what, f"{ours:.2f} s", f"{whole:.2f} s", ratio)


def _memory() -> Row:
    peak = peak_bytes_of_dense_analysis()
    return Row("Peak memory of a dense analysis of 64 x 64", f"{peak / 1e9:.2f} GB", wanted="below 1.5 GB")


def _shipped() -> Network:
    return rebuild.network(Artifact.load(SHIPPED / "gray.onnx"))


def _random(network: Network) -> Network:
    """Draw kernels that preserve the variance (He et al. 2015), so that half of all ReLUs are on in every layer."""
    torch.manual_seed(0)
    for parameter in network.parameters():
        torch.nn.init.kaiming_normal_(parameter)
    return network.eval().requires_grad_(False)
