"""Small real reports: a shipped network at a corner of a photograph, decomposed by numpy.

Independent of the code under ``biasfree/analysis`` that makes reports: plain ``jacrev`` and ``svd``.
"""

from dataclasses import replace
from functools import cache

import numpy as np
import skimage.data
import torch

from biasfree import rebuild
from biasfree.analysis.report import (
    Filter,
    FloatArray,
    Layer,
    LinearRegion,
    Measured,
    Patch,
    Report,
    Vectors,
    WholeImage,
)
from biasfree.artifact import SHIPPED, Artifact

FACTS = {"model": {"name": "gray", "version": "1", "sha256": "0f" * 32}, "request_id": "a-request"}

#: Noise level, 0-255 scale.
SIGMA_255 = 25.0
#: Corner of the patch in the photograph: edges and flat parts in both.
LEFT, TOP = 200, 90


def dense_report(
    *, channels: int = 1, width: int = 12, height: int = 12, k: int = 4, with_clean: bool = True
) -> Report:
    """All of the spectrum and ``k`` vectors from each end, in float64."""
    clean, noisy, denoised, jacobian = _linearised(channels, width, height)
    return _report(noisy, denoised, jacobian, clean=clean if with_clean else None, k=k)


def iterative_report(report: Report, *, known: int) -> Report:
    """The same with only the first ``known`` triplets, and standard errors where probes must do."""
    shown = report.vectors.indices < known
    vectors = Vectors(report.vectors.indices[shown], report.vectors.left[shown], report.vectors.right[shown])
    spectra = ("singular_values", "symmetry", "expansion", "energy_share", "residuals")
    return replace(
        report,
        method="iterative",
        tolerance=1e-4,
        effective_dimensionality=Measured(report.effective_dimensionality.value, 0.7),
        trace=Measured(report.trace.value, 0.9),
        asymmetry=Measured(report.asymmetry.value, 0.02),
        nuclear_norm=None,
        signal_preserved=None,
        vectors=vectors,
        image=WholeImage(
            probes=4,
            effective_dimensionality=Measured(12345.6, 78.9),
            trace=Measured(20123.4, 99.5),
            sigma_255=Measured(24.8, 0.12),
            psnr_db=Measured(29.81, 0.14),
        ),
        **{name: getattr(report, name)[:known] for name in spectra},
    )


def black_report(*, side: int = 6, k: int = 2) -> Report:
    """A black image: the network gives nothing for it, and nothing passes."""
    size = side * side
    black = np.zeros((1, side, side))
    return _report(black, black.copy(), np.zeros((size, size)), clean=None, k=k)


def _report(
    noisy: FloatArray, denoised: FloatArray, jacobian: FloatArray, *, clean: FloatArray | None, k: int
) -> Report:
    size = noisy.size
    left, singular_values, right = np.linalg.svd(jacobian)
    expansion = singular_values * (right @ noisy.ravel())
    energy = float(np.sum(denoised**2)) or 1.0
    dimensionality, trace = float(np.sum(singular_values**2)), float(np.trace(jacobian))
    subspace = left[:, : int(dimensionality)]
    signal = (denoised if clean is None else clean).ravel()
    indices = np.unique(np.r_[0 : min(k, size), max(size - k, 0) : size])
    return Report(
        patch=Patch(x=LEFT, y=TOP, width=noisy.shape[2], height=noisy.shape[1]),
        method="dense",
        noisy=noisy,
        denoised=denoised,
        clean=clean,
        singular_values=singular_values,
        symmetry=np.einsum("ni,in->i", left, right),
        expansion=expansion,
        energy_share=np.cumsum(expansion**2) / energy,
        residuals=np.linalg.norm(jacobian @ right.T - left * singular_values, axis=0),
        tolerance=1e-12,
        effective_dimensionality=Measured(dimensionality),
        trace=Measured(trace),
        nuclear_norm=float(singular_values.sum()),
        asymmetry=Measured(float(np.linalg.norm(jacobian - jacobian.T) / (np.linalg.norm(jacobian) or 1))),
        homogeneity_error=float(np.linalg.norm(denoised.ravel() - jacobian @ noisy.ravel())) / energy**0.5,
        net_bias_norm=None,
        signal_preserved=float(np.sum((subspace.T @ signal) ** 2) / (np.sum(signal**2) or 1)),
        sigma_255=255 * float(np.linalg.norm(noisy - denoised)) / max(size - 2 * trace + dimensionality, 1e-9) ** 0.5,
        vectors=Vectors(indices, left.T[indices].reshape(-1, *noisy.shape), right[indices].reshape(-1, *noisy.shape)),
        filters=_filters(jacobian, noisy.shape),
        layers=(Layer(units=64 * size, active=0.46), Layer(units=32 * size, active=0.61)),
        linear_region=LinearRegion(distance=3.1e-5, layer=1),
        image=None,
    )


def _filters(jacobian: FloatArray, shape: tuple[int, ...]) -> tuple[Filter, ...]:
    """One for each output channel, of the middle pixel and of the first."""
    channels, height, width = shape
    rows = jacobian.reshape(*shape, *shape)
    pixels = dict.fromkeys([(width // 2, height // 2), (0, 0)])
    return tuple(
        Filter(LEFT + x, TOP + y, channel, rows[channel, y, x]) for x, y in pixels for channel in range(channels)
    )


@cache
def _linearised(channels: int, width: int, height: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """x, y and f(y) (C, P, Q) and A (N, N), of the shipped network for these channels."""
    clean = _photograph(channels)[:, TOP : TOP + height, LEFT : LEFT + width]
    noisy = clean + SIGMA_255 / 255 * np.random.default_rng(1).standard_normal(clean.shape)
    artifact = Artifact.load(SHIPPED / ("gray.onnx" if channels == 1 else "color.onnx"))
    network = rebuild.network(artifact).double()
    patch = torch.from_numpy(noisy)
    jacobian = torch.func.jacrev(lambda values: network(values[None])[0], chunk_size=128)(patch)
    with torch.no_grad():
        denoised = network(patch[None])[0]
    return clean, noisy, denoised.numpy(), jacobian.reshape(noisy.size, noisy.size).numpy()


def _photograph(channels: int) -> FloatArray:
    """(C, H, W), intensities in [0, 1]."""
    image = skimage.data.camera()[..., None] if channels == 1 else skimage.data.astronaut()
    return np.moveaxis(image / 255, 2, 0)
