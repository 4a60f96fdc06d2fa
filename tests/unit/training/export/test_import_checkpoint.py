"""The import of the authors' checkpoints, with synthetic files of their format."""

import os
import pickle
import re
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from biasfree import rebuild
from biasfree.architectures import Network
from biasfree.artifact import Artifact, ArtifactError
from biasfree.card import Card
from service.model_store import load_models
from tests.unit.training.export.released import State, forward, make_state, write_released
from training.cli import app
from training.evaluate.onnx_model import OnnxDenoiser
from training.export.export import Provenance
from training.export.import_checkpoint import import_checkpoint, network_of
from training.export.released import read_released

ARCHITECTURES = ["dncnn", "unet", "rcnn", "sdensenet"]
PARAMETERS = {"dncnn": 665_856 - 18 * 64, "unet": 233_024, "rcnn": 186_048, "sdensenet": 757_440}
#: Of a single pixel a random network of 28 layers leaves next to nothing; the export compares that, absolutely.
SIZES = [(4, 5), (17, 24), (33, 35)]
#: Stages of the recurrent network that is exported.
SHORT_STAGES = 2


def convert(path: Path, architecture: str) -> Card:
    """Import a checkpoint into a file beside it."""
    return import_checkpoint(path, path.with_suffix(".onnx"), architecture, Provenance("x", "1", "d", "l"))


@dataclass(frozen=True)
class Imported:
    """A checkpoint's weights, the model file that the command made of it, and what the command printed."""

    state: State
    model: Path
    printed: str

    @property
    def card(self) -> Card:
        """Return the card in the model file."""
        return Artifact.load(self.model).card


#: Architecture and bias -> the imported checkpoint.
Importer = Callable[[str, bool], Imported]


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Importer:
    """Import a checkpoint of each kind by the command, once: an export takes seconds, so they are short ones.

    Their noise range is the wrong way round, as in the dncnn files; those with biases get one in the command.
    """

    @cache
    def importer(architecture: str, bias: bool) -> Imported:
        folder, state = tmp_path_factory.mktemp(architecture), make_state(architecture, bias=bias, short=True)
        stages = {"max_stage": SHORT_STAGES} if architecture == "rcnn" else {}
        path = write_released(folder / "released.pt", state, bias=bias, min_noise=55, max_noise=0, **stages)
        model = folder / f"{architecture}.onnx"
        arguments = ["import-checkpoint", str(path), "--architecture", architecture, "--output", str(model)]
        result = CliRunner().invoke(app, [*arguments, *(["--sigmas", "5,30"] if bias else [])])
        assert result.exit_code == 0, result.output
        return Imported(state, model, result.output)

    return importer


def folded(path: Path, architecture: str) -> Network:
    """Return the network of a file as it is exported."""
    return network_of(read_released(path), architecture, path).folded().eval()


def read(path: Path, architecture: str) -> dict[str, torch.Tensor]:
    """Return the weights of a file under our names, folded as in an export."""
    return folded(path, architecture).state_dict()


@pytest.mark.parametrize("bias", [False, True], ids=["bias-free", "bias"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_checkpoint_of_the_authors_size_is_their_network(tmp_path: Path, architecture: str, bias: bool) -> None:
    """It has all layers and stages, and agrees to 1e-5 with an independent float64 pass."""
    state = make_state(architecture, bias=bias)
    network = folded(write_released(tmp_path / "released.pt", state, bias=bias), architecture)
    noisy = torch.rand((1, 1, 17, 24), generator=torch.Generator().manual_seed(0))
    expected = forward(architecture, state, noisy, bias=bias)
    with torch.no_grad():
        assert (network(noisy) - expected).norm() <= 1e-5 * expected.norm()
    if not bias:
        assert network.parameter_count == PARAMETERS[architecture]


@pytest.mark.parametrize(
    ("architecture", "bias"),
    # With biases one of plain convolutions, and the one with a transposed convolution.
    [*((each, False) for each in ARCHITECTURES), ("dncnn", True), ("unet", True)],
)
def test_an_imported_model_computes_what_the_checkpoints_network_does(
    imported: Importer, architecture: str, bias: bool
) -> None:
    """ONNX Runtime and the rebuilt network agree to 1e-5 with an independent float64 pass, at odd sizes too."""
    checkpoint = imported(architecture, bias)
    state, card = checkpoint.state, checkpoint.card
    denoiser = OnnxDenoiser(checkpoint.model)
    rebuilt = rebuild.network(Artifact.load(checkpoint.model))
    for height, width in SIZES:
        noisy = np.random.default_rng(height).random((height, width, 1), np.float32)
        image = torch.from_numpy(noisy)[None, None, ..., 0]
        expected = forward(architecture, state, image, bias=bias, stages=SHORT_STAGES)[0, 0].numpy()
        with torch.no_grad():
            again = rebuilt(image)[0, 0].numpy()
        for denoised in (denoiser(noisy)[..., 0], again):
            assert np.linalg.norm(denoised - expected) <= 1e-5 * np.linalg.norm(expected)
    assert card.arguments["bias"] is bias
    assert card.parameters == rebuilt.parameter_count
    operators = {node.op_type for node in onnx.load_model(checkpoint.model).graph.node}
    assert operators & {"BatchNormalization", "Div", "Sqrt"} == set()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(("prefix", "listed"), [("module.", True), ("", False), ("module.", False)])
def test_every_packing_of_the_format_is_read(tmp_path: Path, architecture: str, prefix: str, listed: bool) -> None:
    """The weights are the same in one state dict or a list of one, with or without the prefix of several GPUs."""
    state = make_state(architecture, bias=False)
    usual = read(write_released(tmp_path / "usual.pt", state, bias=False), architecture)
    other = read(write_released(tmp_path / "other.pt", state, bias=False, prefix=prefix, listed=listed), architecture)
    assert other.keys() == usual.keys()
    assert all(torch.equal(other[name], value) for name, value in usual.items())


def test_the_noise_range_is_the_files_own_though_it_is_the_wrong_way_round(tmp_path: Path, imported: Importer) -> None:
    """The dncnn files have it swapped. An explicit range takes precedence, and one of the two is required."""
    assert imported("dncnn", False).card.training.sigma_range_255 == (0, 55)
    assert imported("dncnn", True).card.training.sigma_range_255 == (5, 30)
    path = write_released(tmp_path / "silent.pt", make_state("unet", bias=False), bias=False, min_noise=None)
    with pytest.raises(ValueError, match="as in --sigmas 0,100"):
        convert(path, "unet")


def test_unused_values_of_the_bias_free_norm_change_nothing(tmp_path: Path) -> None:
    """Its files contain biases, means and counts, but may omit them."""
    state = make_state("dncnn", bias=False)
    kept = read(write_released(tmp_path / "kept.pt", state, bias=False), "dncnn")
    unused = re.compile(r"bn_layer_list\.\d+\.(bias|running_mean|num_batches_tracked)")
    lean = {name: value for name, value in state.items() if not unused.fullmatch(name)}
    assert len(lean) == len(state) - 3 * 18
    again = read(write_released(tmp_path / "lean.pt", lean, bias=False), "dncnn")
    assert all(torch.equal(again[name], value) for name, value in kept.items())


class _Hostile:
    """An object that creates a folder when unpickled without restrictions."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("place", ["args", "in args", "model", "top"])
def test_a_hostile_checkpoint_is_refused_and_nothing_in_it_runs(tmp_path: Path, place: str) -> None:
    """This holds wherever the object is. Loaded without restrictions, the same file does run it."""
    folder = tmp_path / "broken-into"
    hostile, state = _Hostile(folder), make_state("unet", bias=False)
    content = {
        "args": {"model": [state], "args": hostile},
        "in args": {"model": [state], "args": Namespace(bias=False, min_noise=hostile)},
        "model": {"model": [{**state, "conv1.weight": hostile}], "args": Namespace(bias=False)},
        "top": hostile,
    }[place]
    path = tmp_path / "hostile.pt"
    torch.save(content, path)
    with pytest.raises(ValueError, match=r"it would import \S*mkdir, and only tensors are read"):
        convert(path, "unet")
    assert not folder.exists()
    assert not path.with_suffix(".onnx").exists()
    torch.load(path, weights_only=False)
    assert folder.exists()


def test_what_is_let_in_is_let_in_for_the_moment_only(tmp_path: Path) -> None:
    """Namespace does not remain among the classes that torch loads elsewhere."""
    path = write_released(tmp_path / "released.pt", make_state("unet", bias=False), bias=False)
    assert read_released(path).options["max_noise"] == 100
    with pytest.raises(pickle.UnpicklingError):
        torch.load(path, weights_only=True)


@pytest.mark.parametrize(
    ("change", "architecture", "message"),
    [
        ({}, "dncnn", r"architecture dncnn: it has 'conv\d"),
        ({"conv9.weight": None}, "unet", "architecture unet: it has no 'tail.weight'"),
        ({"conv9.bias": torch.zeros(1)}, "unet", "it has an unknown 'tail.bias'"),
        ({"conv1.weight": torch.zeros(3)}, "unet", "its first convolution is missing"),
        ({"conv4.weight": torch.zeros(64, 32, 3, 3)}, "unet", r"'deep.0.weight' is \(64, 32, 3, 3\) and should be"),
        ({"conv1.bias": torch.zeros(32)}, "unet", "it has no 'deep.0.bias'"),
    ],
)
def test_weights_of_another_network_are_refused_in_one_sentence(
    tmp_path: Path, change: dict[str, torch.Tensor | None], architecture: str, message: str
) -> None:
    """The message names the first mismatch."""
    state = {name: value for name, value in (make_state("unet", bias=False) | change).items() if value is not None}
    with pytest.raises(ValueError, match=message):
        convert(write_released(tmp_path / "other.pt", state, bias=False), architecture)


def test_options_that_contradict_the_weights_are_refused(tmp_path: Path) -> None:
    """Options of an unsupported network are refused too."""
    state = make_state("unet", bias=False)
    with pytest.raises(ValueError, match="contradicts itself: its option 'bias' is True"):
        convert(write_released(tmp_path / "bias.pt", state, bias=True), "unet")
    with pytest.raises(ValueError, match="option 'residual'"):
        convert(write_released(tmp_path / "residual.pt", state, bias=False, residual=True), "unet")


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"\x80\x02]q\x00.", b"PK\x03\x04 cut short"])
def test_what_is_no_checkpoint_is_one_line_and_status_2(tmp_path: Path, content: bytes) -> None:
    """The command also reports a missing file this way."""
    path = tmp_path / "file.pt"
    for arrange, expected in ((lambda: None, "No such file"), (lambda: path.write_bytes(content), "not a checkpoint")):
        arrange()
        arguments = ["import-checkpoint", str(path), "--architecture", "unet", "--output", str(tmp_path / "x.onnx")]
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 2
        assert result.output.startswith("error: ")
        assert result.output.count("\n") == 1
        assert expected in result.output


def test_the_command_says_what_it_wrote(imported: Importer) -> None:
    """A bias-free network can be served. One with additive constants is for comparison, and the service refuses it."""
    for bias, range_255, words in ((False, "0 to 55", "bias-free"), (True, "5 to 30", "not to serve")):
        checkpoint = imported("dncnn", bias)
        assert f"trained on {range_255}" in checkpoint.printed
        assert words in checkpoint.printed
        assert checkpoint.card.name == "dncnn"
    assert load_models(imported("dncnn", False).model.parent)["dncnn"].card.architecture == "dncnn"
    with pytest.raises(ArtifactError, match=r"dncnn\.onnx has additive constants"):
        load_models(imported("dncnn", True).model.parent)


@given(st.binary(max_size=64) | st.binary(max_size=32).map(lambda rest: b"\x80\x02" + rest) | st.just(b"junk"))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.filterwarnings("ignore")
def test_whatever_is_no_checkpoint_is_refused_in_one_sentence(tmp_path, content):
    """This includes files that only begin like one."""
    path = tmp_path / "junk.pt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"not a checkpoint|refusing to read"):
        read_released(path)


def test_one_noise_level_is_no_range(tmp_path: Path) -> None:
    """The option is wrong, and not the file, which does not even exist."""
    with pytest.raises(ValueError, match=r"--sigmas needs both ends of the noise range, as in 0,100, not 1 level"):
        import_checkpoint(
            tmp_path / "none.pt", tmp_path / "x.onnx", "dncnn", Provenance("x", "1", "d", "l"), sigma_range_255=[55]
        )
