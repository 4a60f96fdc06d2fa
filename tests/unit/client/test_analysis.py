"""The result of an analyze call, and its drawings."""

import io

import httpx
import numpy as np
import pytest
from PIL import Image

from biasfree_client import Analysis, Denoiser, Model, UnexpectedResponse
from biasfree_client._plot import spectrum_text

N, SIDE = 16, 4


def arrays(**others):
    """Make the arrays of an analysis of a 4 x 4 patch, as the service returns them."""
    basis = np.eye(N, dtype=np.float32).reshape(N, 1, SIDE, SIDE)
    return {
        "method": "dense",
        "singular_values": np.linspace(1, 0, N),
        "symmetry": np.ones(N),
        "indices": np.array([0, 1, 14, 15]),
        "left": basis[[0, 1, 14, 15]],
        "right": basis[[0, 1, 14, 15]],
        "effective_dimensionality": 5.5,
        "trace": 8.0,
        "sigma_estimate": 24.5,
        "noisy": np.ones((1, SIDE, SIDE), np.float32),
        "denoised": np.zeros((1, SIDE, SIDE), np.float32),
        "filters": basis[:1],
        "model.name": "gray",
        "model.version": "1",
        "model.sha256": "ab" * 32,
        "request_id": "r-1",
        **others,
    }


def npz(**others) -> bytes:
    """Make the same analysis as a file."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays(**others))
    return buffer.getvalue()


@pytest.fixture
def analyst(service):
    """Return a client whose service answers every request with that analysis."""
    headers = {"Content-Type": "application/x-npz", "X-Model": "gray; version=1", "Server-Timing": "analyze;dur=9"}
    service.answer = lambda _: httpx.Response(200, content=npz(), headers=headers)
    return Denoiser(transport=service.transport)


def test_parameters_are_sent_by_their_documented_names(service, analyst):
    """Options have the names of the query; pixels become repeated parameters."""
    analyst.analyze(
        np.eye(4), x=1, y=2, size=3, k=4, method="dense", pixels=[(5, 6), (7, 8)], probes=9, frame=1, bit_depth=8
    )
    request = service.requests[0]
    assert (request.method, request.url.path) == ("POST", "/v1/analyze")
    assert request.headers["Accept"] == "application/x-npz"
    assert request.headers["Content-Type"] == "application/x-npy"
    assert request.url.params.get_list("pixel") == ["5,6", "7,8"]
    sent = {name: value for name, value in request.url.params.items() if name != "pixel"}
    assert sent == {
        "x": "1", "y": "2", "size": "3", "k": "4", "method": "dense", "probes": "9", "frame": "1", "bit_depth": "8"
    }  # fmt: skip


def test_a_clean_image_goes_beside_the_noisy_one(service, analyst):
    """The two images travel as a form of two NPY files, without loss."""
    analyst.analyze(np.eye(4, dtype=np.float32), clean=np.ones((4, 4), np.float32))
    request = service.requests[0]
    assert request.headers["Content-Type"].startswith("multipart/form-data")
    assert request.content.count(b"\x93NUMPY") == 2
    assert b'name="image"' in request.content
    assert b'name="clean"' in request.content


def test_an_analysis_carries_its_arrays(analyst):
    """The main arrays are properties, and all arrays have the service's names."""
    analysis = analyst.analyze(np.eye(4))
    assert analysis.singular_values.shape == (N,)
    assert analysis.u.shape == analysis.v.shape == (4, 1, SIDE, SIDE)
    assert (analysis.effective_dimensionality, analysis.trace, analysis.sigma) == (5.5, 8.0, 24.5)
    assert (analysis.method, analysis["request_id"].item()) == ("dense", "r-1")
    assert analysis.model == Model("gray", "1")
    assert analysis.timing == {"analyze": 9.0}


def test_what_is_saved_is_loaded_again(analyst, tmp_path):
    """Both this package and numpy read a saved analysis."""
    analysis = analyst.analyze(np.eye(4))
    path = analysis.save(tmp_path / "a.npz")
    with pytest.raises(FileExistsError):
        analysis.save(path)
    loaded = Analysis.load(path)
    assert (loaded.model.name, loaded.request_id) == ("gray", "r-1")
    np.testing.assert_array_equal(loaded.u, analysis.u)
    assert np.load(path, allow_pickle=False)["trace"] == 8.0


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY", npz()[:200]])
def test_bytes_that_are_not_an_analysis_are_an_unexpected_response(analyst, service, content):
    """Damaged, incomplete and foreign content is refused."""
    service.answer = lambda _: httpx.Response(200, content=content, headers={"Content-Type": "application/x-npz"})
    with pytest.raises(UnexpectedResponse, match="Not an analysis"):
        analyst.analyze(np.eye(4))


def test_pickled_objects_are_never_opened(analyst, service):
    """An NPZ file with pickled objects is refused."""
    pickled = npz(noisy=np.array([{}], object))
    service.answer = lambda _: httpx.Response(200, content=pickled, headers={"Content-Type": "application/x-npz"})
    with pytest.raises(UnexpectedResponse):
        analyst.analyze(np.eye(4))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_plot_is_a_figure(tmp_path, channels):
    """Gray and color patches can be plotted, and the figure is not blank."""
    values = np.random.default_rng(0).normal(size=(4, channels, SIDE, SIDE))
    patch = np.random.default_rng(0).random((channels, SIDE, SIDE))
    content = arrays(noisy=patch, denoised=patch / 2, left=values, right=values)
    analysis = Analysis(b"", {name: np.asarray(value) for name, value in content.items()})
    analysis.plot().savefig(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as drawn:
        assert len(drawn.convert("RGB").getcolors(maxcolors=2**20)) > 100


def test_every_array_can_be_reached_by_its_name(analyst):
    """The names can be listed and looked up, and all arrays taken at once."""
    analysis = analyst.analyze(np.eye(4))
    assert set(analysis) == set(arrays()) == set(analysis.keys())
    assert len(analysis) == len(arrays())
    assert "trace" in analysis
    assert "nothing" not in analysis
    assert dict(analysis)["trace"] == 8


def test_a_spectrum_is_drawn_in_text():
    """The largest value fills its column, and the smallest leaves its column empty."""
    lines = spectrum_text(np.array([2.0, 2.0, 2e-4]), rows=4)
    assert [line[:3] for line in lines[:4]] == ["██ "] * 4
    assert spectrum_text(np.geomspace(1, 1e-4, 1000), columns=20)[4].startswith("█")
