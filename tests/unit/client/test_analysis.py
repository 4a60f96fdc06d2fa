"""The result of an analyze call."""

import io

import httpx
import numpy as np
import pytest
from PIL import Image

from biasfree_client import Analysis, Denoiser, Model, UnexpectedResponse

N, SIDE = 16, 4


def arrays(**others):
    """An analysis of a patch of 4 x 4, as the service has it."""
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
    """The same as a file."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays(**others))
    return buffer.getvalue()


@pytest.fixture
def analyst(service):
    """A client whose service answers every request with that analysis."""
    headers = {"Content-Type": "application/x-npz", "X-Model": "gray; version=1", "Server-Timing": "analyze;dur=9"}
    service.answer = lambda _: httpx.Response(200, content=npz(), headers=headers)
    return Denoiser(transport=service.transport)


def test_parameters_are_sent_by_their_documented_names(service, analyst):
    """x0 and y0 are the service's x and y; pixels may be many."""
    analyst.analyze(
        np.eye(4), x0=1, y0=2, size=3, k=4, method="dense", pixels=[(5, 6), (7, 8)], probes=9, frame=1, bit_depth=8
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
    """As a form of two files, without loss."""
    analyst.analyze(np.eye(4, dtype=np.float32), clean=np.ones((4, 4), np.float32))
    request = service.requests[0]
    assert request.headers["Content-Type"].startswith("multipart/form-data")
    assert request.content.count(b"\x93NUMPY") == 2
    assert b'name="image"' in request.content
    assert b'name="clean"' in request.content


def test_an_analysis_carries_its_arrays(analyst):
    """Under names of their own, and all of them by the service's."""
    analysis = analyst.analyze(np.eye(4))
    assert analysis.singular_values.shape == (N,)
    assert analysis.u.shape == analysis.v.shape == (4, 1, SIDE, SIDE)
    assert (analysis.effective_dimensionality, analysis.trace, analysis.sigma) == (5.5, 8.0, 24.5)
    assert (analysis.method, analysis["request_id"].item()) == ("dense", "r-1")
    assert analysis.model == Model("gray", "1")
    assert analysis.timing == {"analyze": 9.0}


def test_what_is_saved_is_loaded_again(analyst, tmp_path):
    """By this package and by numpy."""
    analysis = analyst.analyze(np.eye(4))
    path = analysis.save(tmp_path / "a.npz")
    with pytest.raises(FileExistsError):
        analysis.save(path)
    loaded = Analysis.load(path)
    assert (loaded.model.name, loaded.request_id) == ("gray", "r-1")
    np.testing.assert_array_equal(loaded.u, analysis.u)
    assert np.load(path, allow_pickle=False)["trace"] == 8.0


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY", npz()[:200]])
def test_bytes_that_are_no_analysis_are_an_unexpected_response(analyst, service, content):
    """Half a file is none."""
    service.answer = lambda _: httpx.Response(200, content=content, headers={"Content-Type": "application/x-npz"})
    with pytest.raises(UnexpectedResponse, match="expected an analysis"):
        analyst.analyze(np.eye(4))


def test_pickled_objects_are_never_opened(analyst, service):
    """Not even to look at them."""
    pickled = npz(noisy=np.array([{}], object))
    service.answer = lambda _: httpx.Response(200, content=pickled, headers={"Content-Type": "application/x-npz"})
    with pytest.raises(UnexpectedResponse):
        analyst.analyze(np.eye(4))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_plot_is_a_figure(tmp_path, channels):
    """Of a gray or a colour patch; not all white."""
    values = np.random.default_rng(0).normal(size=(4, channels, SIDE, SIDE))
    patch = np.random.default_rng(0).random((channels, SIDE, SIDE))
    content = arrays(noisy=patch, denoised=patch / 2, left=values, right=values)
    analysis = Analysis(b"", {name: np.asarray(value) for name, value in content.items()})
    analysis.plot().savefig(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as drawn:
        assert len(drawn.convert("RGB").getcolors(maxcolors=2**20)) > 100


def test_everything_is_there_by_its_name(analyst):
    """The names can be listed, asked for, and all taken at once."""
    analysis = analyst.analyze(np.eye(4))
    assert set(analysis) == set(arrays()) == set(analysis.keys())
    assert len(analysis) == len(arrays())
    assert "trace" in analysis
    assert "nothing" not in analysis
    assert dict(analysis)["trace"] == 8
