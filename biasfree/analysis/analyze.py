"""The analysis of a patch: from a network and a request to a report."""

import math

import numpy as np
import numpy.typing as npt
import torch

from biasfree.analysis.jacobian import Jacobian
from biasfree.analysis.probes import patch_measures, squared_norm, whole_image
from biasfree.analysis.regions import activity, linear_region
from biasfree.analysis.report import Filter, FloatArray, Measured, Report, Vectors, WholeImage
from biasfree.analysis.request import AnalysisRequest, Pixels
from biasfree.analysis.spectrum import Spectrum, decompose
from biasfree.architectures import Network
from biasfree.estimates import Estimate
from biasfree.intensity import power_of_two_scale
from biasfree.pixels import SINGLE_RANGE


def analyze(network: Network, request: AnalysisRequest) -> Report:
    """Analyze a network at a patch.

    Args:
        network: In evaluation mode, float32, on any device.
        request: The patch and the options.

    Raises:
        OutOfMemoryBudget: The request asks for the dense method, and its matrix does not fit.
    """
    scale = power_of_two_scale(max(abs(float(request.noisy.min())), abs(float(request.noisy.max()))))
    noisy = torch.from_numpy(_scaled(request.noisy, scale)).to(_device(network))
    jacobian = Jacobian(network, noisy)
    spectrum = decompose(jacobian, k=request.k, method=request.method, memory_bytes=request.memory_bytes)
    clean = None if request.clean is None else _scaled(request.clean, scale)
    measures = _measures(jacobian, spectrum)
    residual = math.sqrt(squared_norm(noisy - jacobian.denoised)) * scale
    estimate = Estimate(jacobian.size, residual, measures["trace"].value)
    denoised_norm, bias_norm = float(jacobian.denoised.norm()), float(jacobian.net_bias.norm())
    expansion = spectrum.singular_values * torch.linalg.vecdot(spectrum.right.flatten(1), noisy.flatten())
    return Report(
        patch=request.patch,
        method="iterative" if spectrum.matrix is None else "dense",
        noisy=_unscaled(_numpy(noisy), scale),
        denoised=_unscaled(_numpy(jacobian.denoised), scale),
        clean=None if clean is None else _unscaled(clean, scale),
        singular_values=_numpy(spectrum.singular_values),
        symmetry=_numpy(torch.linalg.vecdot(spectrum.left.flatten(1), spectrum.right.flatten(1))),
        expansion=_unscaled(_numpy(expansion), scale),
        energy_share=_numpy((expansion.double() ** 2).cumsum(0)) / (denoised_norm**2 or 1.0),
        residuals=_numpy(spectrum.residuals),
        tolerance=spectrum.tolerance,
        effective_dimensionality=measures["effective_dimensionality"],
        trace=measures["trace"],
        nuclear_norm=None if spectrum.matrix is None else float(spectrum.singular_values.double().sum()),
        asymmetry=measures["asymmetry"],
        homogeneity_error=bias_norm / (denoised_norm or 1.0),
        net_bias_norm=bias_norm * scale if network.arguments.get("bias") else None,
        signal_preserved=_signal_preserved(
            spectrum, measures["effective_dimensionality"].value, _numpy(jacobian.denoised) if clean is None else clean
        ),
        sigma_255=estimate.sigma_255(white=request.white),
        vectors=_vectors(spectrum, request.k),
        filters=_filters(jacobian, spectrum, request),
        layers=activity(jacobian.relus),
        linear_region=linear_region(network, noisy),
        image=_whole_image(network, request),
    )


def _scaled(values: Pixels, scale: float) -> npt.NDArray[np.float32]:
    return (values.astype(np.float64) / scale).astype(np.float32)


def _unscaled(values: FloatArray, scale: float) -> FloatArray:
    """Multiply by the scale, in float64 where float32 would overflow or lose everything."""
    low, high = SINGLE_RANGE
    return values * (scale if low <= scale <= high else np.float64(scale))


def _measures(jacobian: Jacobian, spectrum: Spectrum) -> dict[str, Measured]:
    """Return the numbers that depend on all of A: exact where the matrix is known, otherwise estimated."""
    matrix = spectrum.matrix
    if matrix is None:
        return patch_measures(jacobian)
    norm = float(torch.linalg.matrix_norm(matrix, dtype=torch.float64))
    return {
        "effective_dimensionality": Measured(float((spectrum.singular_values.double() ** 2).sum())),
        "trace": Measured(float(matrix.diagonal().double().sum())),
        "asymmetry": Measured(float(torch.linalg.matrix_norm(matrix - matrix.T, dtype=torch.float64)) / (norm or 1.0)),
    }


def _signal_preserved(spectrum: Spectrum, dimensionality: float, signal: FloatArray) -> float | None:
    """Return ||U_d U_d^T x||^2 / ||x||^2 with d rounded down; None if fewer vectors are known, or x is zero."""
    count = math.floor(dimensionality)
    whole = float((signal.astype(np.float64) ** 2).sum())
    if count > len(spectrum.singular_values) or whole == 0:
        return None
    axes = spectrum.left[:count].flatten(1)
    return squared_norm(axes @ torch.from_numpy(signal).to(axes).flatten()) / whole


def _vectors(spectrum: Spectrum, k: int) -> Vectors:
    """Return the first ``k`` vectors, and the last ``k`` as well if the whole spectrum is known."""
    known = len(spectrum.singular_values)
    lower = [] if spectrum.matrix is None else range(max(k, known - k), known)
    indices = np.array([*range(min(k, known)), *lower])
    return Vectors(indices, _numpy(spectrum.left[indices]), _numpy(spectrum.right[indices]))


def _filters(jacobian: Jacobian, spectrum: Spectrum, request: AnalysisRequest) -> tuple[Filter, ...]:
    """Return the rows of A for every channel of the requested pixels; by default of the middle pixel."""
    patch = request.patch
    channels = jacobian.noisy.shape[0]
    pixels = request.pixels or ((patch.x + patch.width // 2, patch.y + patch.height // 2),)
    places = [(x, y, channel) for x, y in pixels for channel in range(channels)]
    units = jacobian.noisy.new_zeros((len(places), *jacobian.noisy.shape))
    for unit, (x, y, channel) in zip(units, places, strict=True):
        unit[channel, y - patch.y, x - patch.x] = 1
    if spectrum.matrix is None:
        rows = torch.cat([jacobian.rmatvec(unit[None]) for unit in units])
    else:
        rows = (units.flatten(1) @ spectrum.matrix).reshape(units.shape)
    return tuple(Filter(*place, weights) for place, weights in zip(places, _numpy(rows), strict=True))


def _whole_image(network: Network, request: AnalysisRequest) -> WholeImage | None:
    if request.image is None:
        return None
    return whole_image(network, request.image, probes=request.probes, white=request.white, device=_device(network))


def _numpy(values: torch.Tensor) -> FloatArray:
    array: FloatArray = values.cpu().numpy()
    return array


def _device(network: Network) -> torch.device:
    return next(network.parameters()).device
