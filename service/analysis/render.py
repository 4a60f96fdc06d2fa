"""The serialization of a report in the requested format."""

import base64
import io
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from biasfree.analysis.figure import figure
from biasfree.analysis.pictures import intensities, intensity_range, signed, vector_limit
from biasfree.analysis.report import Filter, Measured, Report, WholeImage
from service.analysis.document import AnalysisDocument, EquivalentFilter, LayerActivity, SingularVectors
from service.analysis.task import Output

#: Fields with the same name in the report and in its JSON.
SAME_NAME = (
    "method",
    "homogeneity_error",
    "net_bias_norm",
    "singular_values",
    "symmetry",
    "expansion",
    "energy_share",
    "residuals",
    "tolerance",
    "nuclear_norm",
    "signal_preserved",
)


def render(report: Report, output: Output, facts: Mapping[str, Any]) -> bytes:
    """Serialize a report.

    Args:
        report: The report; every number must be finite.
        output: JSON, arrays or a figure.
        facts: ``model`` (name, version, sha256) and ``request_id``.

    Raises:
        ValidationError: A number of a JSON answer is not finite, or ``facts`` has other keys.
    """
    if output is Output.JSON:
        return document(report, facts).model_dump_json().encode()
    if output is Output.NPZ:
        return archive(report, facts)
    return figure(report, title=f"Analysis of model {facts['model']['name']} at this patch")


def document(report: Report, facts: Mapping[str, Any]) -> AnalysisDocument:
    """Return the JSON answer."""
    black, white = intensity_range(report)
    values = _values(report)
    return AnalysisDocument(
        **facts,
        **{name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in values.items()},
        vectors=_vectors(report),
        filters=[_filter(each) for each in report.filters],
        layers=[LayerActivity.model_validate(layer) for layer in report.layers],
        intensity_range=(black, white),
        noisy=_url(intensities(report.noisy, black=black, white=white)),
        denoised=_url(intensities(report.denoised, black=black, white=white)),
    )


def archive(report: Report, facts: Mapping[str, Any]) -> bytes:
    """Return the answer as an NPZ file, for ``numpy.load(..., allow_pickle=False)``.

    The numbers have the same names as in the JSON; members of objects have dotted names: ``patch.x``,
    ``standard_errors.trace``, ``linear_region.distance``, ``image.probes``, ``model.sha256``. Null values are left out.
    Arrays are bit-identical to those of the report:

    - ``noisy``, ``denoised`` and, if given, ``clean``: (C, P, Q), in the image's own intensities
    - ``singular_values``, ``symmetry``, ``expansion``, ``energy_share``, ``residuals``: (K,)
    - ``left``, ``right``: singular vectors (V, C, P, Q), and ``indices``: their positions in the arrays above (V,)
    - ``filters``: equivalent filters (F, C, P, Q), and ``filter_pixels``: x, y and channel of each (F, 3)
    - ``layers.units``, ``layers.active``: (L,)
    """
    arrays = {
        "noisy": report.noisy,
        "denoised": report.denoised,
        "clean": report.clean,
        "left": report.vectors.left,
        "right": report.vectors.right,
        "indices": report.vectors.indices,
        "filters": np.array([each.weights for each in report.filters]),
        "filter_pixels": np.array([(each.x, each.y, each.channel) for each in report.filters]),
        "layers.units": np.array([layer.units for layer in report.layers]),
        "layers.active": np.array([layer.active for layer in report.layers]),
    }
    buffer = io.BytesIO()
    # Not compressed: noise does not compress, and trying takes longer than sending.
    np.savez(buffer, allow_pickle=False, **_flat({**facts, **_values(report), **arrays}))
    return buffer.getvalue()


def _values(report: Report) -> dict[str, Any]:
    """Return numbers and spectra by their JSON names, for JSON and NPZ."""
    return {
        "patch": {**asdict(report.patch), "channels": len(report.noisy)},
        **{name: getattr(report, name) for name in SAME_NAME},
        **_measured({name: getattr(report, name) for name in ("effective_dimensionality", "trace", "asymmetry")}),
        "sigma_estimate": report.sigma_255,
        "vector_scale": vector_limit(report.noisy.size),
        "linear_region": None if report.linear_region is None else asdict(report.linear_region),
        "image": None if report.image is None else _image(report.image),
    }


def _image(image: WholeImage) -> dict[str, Any]:
    estimates = {
        "effective_dimensionality": image.effective_dimensionality,
        "trace": image.trace,
        "sigma_estimate": image.sigma_255,
        "estimated_psnr": image.psnr_db,
    }
    return {"probes": image.probes, **_measured(estimates)}


def _measured(numbers: Mapping[str, Measured | None]) -> dict[str, Any]:
    """Return the values by name, and the standard errors of the estimated ones."""
    known = {name: each for name, each in numbers.items() if each is not None}
    errors = {name: each.standard_error for name, each in known.items() if each.standard_error is not None}
    return {**{name: each.value for name, each in known.items()}, "standard_errors": errors}


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flatten objects into dotted names, without None values."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        elif value is not None:
            flat[prefix + name] = value
    return flat


def _vectors(report: Report) -> list[SingularVectors]:
    limit = vector_limit(report.noisy.size)
    shown = report.vectors
    return [
        SingularVectors(
            index=int(index) + 1,
            singular_value=report.singular_values[index],
            symmetry=report.symmetry[index],
            left=_url(signed(left, limit=limit)),
            right=_url(signed(right, limit=limit)),
        )
        for index, left, right in zip(shown.indices, shown.left, shown.right, strict=True)
    ]


def _filter(each: Filter) -> EquivalentFilter:
    scale = float(np.abs(each.weights).max())
    return EquivalentFilter(
        x=each.x,
        y=each.y,
        channel=each.channel,
        sum=each.total,
        scale=scale,
        weights=_url(signed(each.weights, limit=scale or 1.0)),
    )


def _url(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
