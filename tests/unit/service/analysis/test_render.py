"""A report as JSON, arrays and a figure: nothing is lost."""

import base64
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from biasfree.analysis.pictures import vector_limit
from biasfree.analysis.report import Measured
from service.analysis.document import AnalysisDocument
from service.analysis.render import render
from service.analysis.task import Output
from tests.unit.biasfree.analysis.reports import FACTS, black_report, dense_report, iterative_report

REPORTS = {
    "gray": lambda: dense_report(),
    "colour": lambda: dense_report(channels=3, width=6, height=6),
    "iterative": lambda: iterative_report(dense_report(), known=8),
    "biased": lambda: replace(dense_report(), net_bias_norm=53.2),
    "nothing passes": lambda: black_report(),
}
SPECTRA = ("singular_values", "symmetry", "expansion", "energy_share", "residuals")
NUMBERS = ("homogeneity_error", "net_bias_norm", "nuclear_norm", "signal_preserved", "tolerance")
MEASURED = ("effective_dimensionality", "trace", "asymmetry")


def as_json(report):
    """The JSON answer, read as strictly as it can be."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(render(report, Output.JSON, FACTS), parse_constant=refuse)


def as_arrays(report):
    """The NPZ answer, read without pickle."""
    with np.load(io.BytesIO(render(report, Output.NPZ, FACTS)), allow_pickle=False) as archive:
        return dict(archive)


def picture(url: str) -> Image.Image:
    """What a data URL shows."""
    head, _, content = url.partition(",")
    assert head == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(content)))


@pytest.mark.parametrize("name", REPORTS)
def test_json_is_valid_and_carries_every_number_to_a_millionth(name):
    """Against the document's model, and against the report."""
    report = REPORTS[name]()
    answer = as_json(report)
    AnalysisDocument.model_validate(answer)
    for field in SPECTRA:
        np.testing.assert_allclose(answer[field], getattr(report, field), rtol=1e-6)
    for field in NUMBERS:
        value = getattr(report, field)
        assert answer[field] == (None if value is None else pytest.approx(value, rel=1e-6))
    for field in MEASURED:
        measured = getattr(report, field)
        assert answer[field] == pytest.approx(measured.value, rel=1e-6)
        assert answer["standard_errors"].get(field) == measured.standard_error
    assert answer["sigma_estimate"] == pytest.approx(report.sigma_255, rel=1e-6)


def test_json_names_the_patch_the_model_and_the_request():
    """The facts are written as they came."""
    answer = as_json(dense_report(width=12, height=6))
    assert answer["patch"] == {"x": 200, "y": 90, "width": 12, "height": 6, "channels": 1}
    assert {name: answer[name] for name in FACTS} == FACTS
    assert answer["layers"][0] == {"units": 64 * 72, "active": 0.46}
    assert answer["linear_region"] == {"distance": 3.1e-5, "layer": 1}
    assert answer["image"] is None


@pytest.mark.parametrize("channels", [1, 3])
def test_json_shows_vectors_filters_and_patches_as_pictures_of_the_patchs_size(channels):
    """Vectors are counted from 1 and share one scale; a filter has its sum and its own."""
    report = dense_report(channels=channels, width=6, height=5, k=2)
    answer = as_json(report)
    size = report.noisy.size
    assert answer["vector_scale"] == pytest.approx(vector_limit(size), rel=1e-6)
    assert [pair["index"] for pair in answer["vectors"]] == [1, 2, size - 1, size]
    for pair in answer["vectors"]:
        assert pair["singular_value"] == answer["singular_values"][pair["index"] - 1]
        assert pair["symmetry"] == answer["symmetry"][pair["index"] - 1]
    for given, each in zip(answer["filters"], report.filters, strict=True):
        assert (given["x"], given["y"], given["channel"]) == (each.x, each.y, each.channel)
        assert given["sum"] == pytest.approx(each.weights.sum(), rel=1e-6)
        assert given["scale"] == pytest.approx(np.abs(each.weights).max(), rel=1e-6)
    urls = [pair[side] for pair in answer["vectors"] for side in ("left", "right")]
    urls += [each["weights"] for each in answer["filters"]]
    assert {picture(url).size for url in [*urls, answer["noisy"], answer["denoised"]]} == {(6, 5)}
    assert answer["intensity_range"] == pytest.approx([report.clean.min(), report.clean.max()], rel=1e-6)


def test_json_has_estimates_over_the_whole_image_with_their_errors():
    """Where they were asked for."""
    answer = as_json(iterative_report(dense_report(), known=8))["image"]
    assert answer["probes"] == 4
    assert answer["estimated_psnr"] == 29.81
    assert answer["standard_errors"] == {
        "effective_dimensionality": 78.9,
        "trace": 99.5,
        "sigma_estimate": 0.12,
        "estimated_psnr": 0.14,
    }


def test_json_has_null_where_no_psnr_can_be_told():
    """And no standard error of it."""
    report = iterative_report(dense_report(), known=8)
    answer = as_json(replace(report, image=replace(report.image, psnr_db=None)))["image"]
    assert answer["estimated_psnr"] is None
    assert "estimated_psnr" not in answer["standard_errors"]


def test_json_numbers_have_no_more_digits_than_they_know():
    """Seven of them: a spectrum of 4096 values stays small."""
    answer = as_json(dense_report())
    assert all(float(f"{value:.7g}") == value for field in SPECTRA for value in answer[field])


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_json_refuses_what_is_not_a_number(broken):
    """Rather than writing what is not JSON."""
    with pytest.raises(ValidationError, match="finite"):
        render(replace(dense_report(), trace=Measured(broken)), Output.JSON, FACTS)


@pytest.mark.parametrize("name", REPORTS)
def test_arrays_are_those_of_the_report_to_the_bit(name):
    """Read without pickle."""
    report = REPORTS[name]()
    arrays = as_arrays(report)
    for field in (*SPECTRA, "noisy", "denoised", "clean", *NUMBERS):
        value = getattr(report, field)
        assert (field in arrays) is (value is not None)
        if value is not None:
            np.testing.assert_array_equal(arrays[field], value)
    for field in ("left", "right", "indices"):
        np.testing.assert_array_equal(arrays[field], getattr(report.vectors, field), strict=True)
    for field in MEASURED:
        assert arrays[field] == getattr(report, field).value
        assert arrays.get(f"standard_errors.{field}") == getattr(report, field).standard_error
    np.testing.assert_array_equal(arrays["filters"], [each.weights for each in report.filters])
    assert arrays["filter_pixels"].tolist() == [[each.x, each.y, each.channel] for each in report.filters]


def test_arrays_name_their_model():
    """So that a file on a disk says where it came from."""
    arrays = as_arrays(iterative_report(dense_report(), known=8))
    assert str(arrays["model.name"]) == "gray"
    assert str(arrays["model.sha256"]) == FACTS["model"]["sha256"]
    assert str(arrays["request_id"]) == FACTS["request_id"]
    assert str(arrays["method"]) == "iterative"
    assert int(arrays["patch.width"]) == 12
    assert float(arrays["image.standard_errors.trace"]) == 99.5
    assert arrays["layers.units"].shape == arrays["layers.active"].shape == (2,)


def test_float32_reports_are_written_too():
    """The precision of the analysis is the caller's choice."""
    report = dense_report()
    single = replace(report, **{field: getattr(report, field).astype(np.float32) for field in SPECTRA})
    np.testing.assert_allclose(as_json(single)["singular_values"], report.singular_values, rtol=1e-6)
    assert as_arrays(single)["singular_values"].dtype == np.float32


def test_a_figure_is_a_png():
    """The third form."""
    with Image.open(io.BytesIO(render(dense_report(), Output.PNG, FACTS))) as image:
        assert image.format == "PNG"


def test_every_field_of_the_document_is_described():
    """A newcomer reads them in the OpenAPI document."""
    schema = AnalysisDocument.model_json_schema()
    for part in [schema, *schema["$defs"].values()]:
        assert part["description"]
        assert all("description" in field for field in part["properties"].values())
