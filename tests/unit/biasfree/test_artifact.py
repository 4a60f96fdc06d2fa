"""The model file: what is written is what is read, and nothing else is taken for one."""

from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper
from skimage.data import astronaut

from biasfree.artifact import CARD_KEY, SHIPPED, Artifact, ArtifactError
from biasfree.rebuild import network as rebuild

SHIPPED_MODELS = sorted(SHIPPED.glob("*.onnx"))
#: A dncnn has no cells.
WITH_CELLS = [path for path in SHIPPED_MODELS if path.stem != "gray-dncnn"]


def changed(source: Path, target: Path, change) -> Path:
    """A copy of a model file after ``change`` was done to its graph."""
    model = onnx.load(source)
    change(model)
    onnx.save(model, target)
    return target


def test_a_loaded_model_is_the_one_that_was_saved(tiny_model, tiny_network):
    """Card and weights survive the file, value for value."""
    artifact = Artifact.load(tiny_model)
    assert artifact.card.name == "tiny"
    state = tiny_network.state_dict()
    assert set(artifact.weights) == set(state)
    for name, values in artifact.weights.items():
        np.testing.assert_array_equal(values, state[name].numpy())


def test_the_golden_pair_survives_the_card(tiny_model, tiny_network):
    """What it expects is what the network gives, to the bit."""
    golden = Artifact.load(tiny_model).card.golden
    with torch.no_grad():
        denoised = tiny_network(torch.from_numpy(golden.noisy)[None])[0].numpy()
    np.testing.assert_array_equal(golden.denoised, denoised)


@cache
def loaded(path):
    """A shipped model, and a session of it: once for all tests."""
    artifact = Artifact.load(path)
    return artifact, onnxruntime.InferenceSession(artifact.content, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("path", SHIPPED_MODELS, ids=lambda path: path.name)
@pytest.mark.parametrize("size", [(1, 1), (3, 50), (97, 64)])
def test_the_rebuilt_network_is_the_served_one(path, size):
    """torch and ONNX Runtime agree to 1e-5 of the result's range on every shipped file."""
    artifact, session = loaded(path)
    noisy = np.random.default_rng(0).random((1, artifact.card.channels, *size), np.float32)
    (served,) = session.run(None, {"noisy": noisy})
    rebuilt = rebuild(artifact)(torch.from_numpy(noisy)).numpy()
    np.testing.assert_allclose(rebuilt, served, rtol=0, atol=1e-5 * max(1.0, float(np.ptp(served))))


@pytest.mark.parametrize("path", WITH_CELLS, ids=lambda path: path.name)
def test_sides_that_are_not_whole_cells_cost_little(path):
    """At most 2 dB in the last 8 rows and columns, against the result of the image that goes on there.

    Where the networks replicated the last row instead of mirroring the image it was 3.8 to 11.1.
    """
    artifact, session = loaded(path)
    photograph = astronaut()[:256, 100:356].transpose(2, 0, 1).astype(np.float32) / 255
    clean = photograph if artifact.card.channels == 3 else photograph.mean(axis=0, keepdims=True)
    noisy = clean + np.float32(100 / 255) * np.random.default_rng(0).standard_normal(clean.shape, np.float32)

    def denoised(image):
        return session.run(None, {"noisy": image[None]})[0][0].clip(0, 1)

    whole = denoised(noisy)
    for side in (256 - 5, 256 - 7):
        inside = np.s_[:, :side, :side]

        def squared_error(image):
            squares = (image[inside] - clean[inside]) ** 2  # noqa: B023  # used in this round alone
            return squares[:, -8:].mean() + squares[..., -8:].mean()

        lost_db = 10 * np.log10(squared_error(denoised(noisy[inside])) / squared_error(whole))
        assert lost_db < 2


@pytest.mark.parametrize("path", SHIPPED_MODELS, ids=lambda path: path.name)
@pytest.mark.parametrize("scale", [0.01, 0.5, 7.0, 1000.0])
def test_every_shipped_file_is_homogeneous(path, scale):
    """f(a y) = a f(y) in ONNX Runtime, to 1e-5 relative."""
    artifact, session = loaded(path)
    noisy = np.random.default_rng(1).random((1, artifact.card.channels, 61, 44), np.float32)
    (once,) = session.run(None, {"noisy": noisy})
    (scaled,) = session.run(None, {"noisy": noisy * np.float32(scale)})
    assert np.linalg.norm(scaled / scale - once) <= 1e-5 * np.linalg.norm(once)


@pytest.mark.parametrize("path", SHIPPED_MODELS, ids=lambda path: path.name)
def test_shipped_cards_are_filled_in(path):
    """Origin, commit and measured quality are there, and the size is right."""
    card = loaded(path)[0].card
    assert card.name == path.stem
    assert all(stage.steps > 0 for stage in card.training.stages)
    assert card.training.data != "not stated"
    assert len(card.git_commit) == 40  # a clean commit: 40 hexadecimal digits and no "-dirty"
    assert {score.sigma_255 for score in card.evaluations[0].scores} >= {5, 15, 25, 50, 75, 150}


def test_shipped_weights_are_small():
    """The two that are served by default, and all together."""
    default = sum((SHIPPED / name).stat().st_size for name in ("gray.onnx", "color.onnx"))
    assert 0 < default < 15_000_000
    assert sum(path.stat().st_size for path in SHIPPED_MODELS) < 90_000_000


def test_a_text_file_is_not_a_model(tmp_path):
    """One clear sentence."""
    path = tmp_path / "notes.onnx"
    path.write_text("these are not the weights")
    with pytest.raises(ArtifactError, match="is not an ONNX file"):
        Artifact.load(path)


def test_a_missing_file_is_named(tmp_path):
    """And why it cannot be read."""
    with pytest.raises(ArtifactError, match="No such file"):
        Artifact.load(tmp_path / "absent.onnx")


def test_another_onnx_file_is_not_a_model(tiny_model, tmp_path):
    """Without a card it is refused."""
    path = changed(tiny_model, tmp_path / "foreign.onnx", lambda model: model.ClearField("metadata_props"))
    with pytest.raises(ArtifactError, match=CARD_KEY):
        Artifact.load(path)


def test_a_card_of_another_format_is_refused(tiny_model, tmp_path):
    """The field is named."""

    def newer(model):
        entry = model.metadata_props[0]
        entry.value = entry.value.replace('"format":1', '"format":2')

    with pytest.raises(ArtifactError, match="format"):
        Artifact.load(changed(tiny_model, tmp_path / "newer.onnx", newer))


def test_one_changed_weight_is_noticed(tiny_model, tmp_path):
    """The SHA-256 on the card is over every value."""

    def flip(model):
        tensor = next(each for each in model.graph.initializer if each.name == "tail.weight")
        values = numpy_helper.to_array(tensor).copy()
        values.flat[0] += 1e-6
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))

    with pytest.raises(ArtifactError, match="damaged"):
        Artifact.load(changed(tiny_model, tmp_path / "flipped.onnx", flip))


def test_a_truncated_file_is_refused(tiny_model, tmp_path):
    """Half a model is none."""
    path = tmp_path / "half.onnx"
    content = tiny_model.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ArtifactError):
        Artifact.load(path)
