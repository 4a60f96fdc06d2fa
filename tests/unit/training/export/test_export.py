"""Test what an export changes in the weights."""

import zlib
from pathlib import Path

import pytest
import torch

from biasfree.architectures import DnCNN, ResUNet
from biasfree.artifact import Artifact
from biasfree.rebuild import network as rebuilt
from tests.unit.training.fit.runs import TINY, fit
from training.export.export import ROUNDED_VALUES, Provenance, export, mean, rounded
from training.fit.checkpoint import Checkpoint
from training.fit.start import Start

#: A network that is exported in half the time.
DNCNN = TINY.with_budget(steps=1, minutes=None).model_copy(
    update={"architecture": "dncnn", "arguments": {"channels": 1, "depth": 3, "width": 4}}
)


def test_a_mean_with_the_first_weights_is_exported_and_told(tmp_path: Path) -> None:
    """A quarter of the weights of the other run, and its share on the card."""
    for name, seed in (("first", 1), ("second", 2)):
        fit(DNCNN.model_copy(update={"seed": seed}), tmp_path / name)
    facts = Provenance("tiny", "1", "nothing", "none")
    file = tmp_path / "mean.onnx"
    export(tmp_path / "second", file, facts, evaluation_sets=[], start=tmp_path / "first", start_share=0.25)
    exported = Artifact.load(file)
    assert exported.card.training.start_share == 0.25
    checkpoint = Checkpoint.load(tmp_path / "second")
    assert checkpoint is not None
    # Behind the first convolution, the deviations of a batch are folded in, which is not linear.
    first, second = Start.read(tmp_path / "first").weights["head.weight"], checkpoint.weights["head.weight"]
    assert not torch.equal(first, second)
    torch.testing.assert_close(rebuilt(exported).state_dict()["head.weight"], 0.25 * first + 0.75 * second)


def test_weights_of_another_network_are_no_start() -> None:
    """The same names with other shapes are refused, too."""
    network = DnCNN(channels=1, depth=3, width=4)
    with pytest.raises(ValueError, match="other weights"):
        mean(network, DnCNN(channels=1, depth=3, width=5).state_dict(), 0.5)


def test_large_kernels_are_rounded_to_half_precision_and_compress() -> None:
    """The first layer, whose kernels sum to zero, stays as it is."""
    torch.manual_seed(0)
    network = ResUNet(channels=3, widths=(64, 128), blocks=1, bottom_blocks=1, head="zero-mean").folded()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=1e-2)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    after = rounded(network).state_dict()
    assert torch.equal(before["head.weight"], after["head.weight"])
    large = [name for name, value in before.items() if value.numel() > ROUNDED_VALUES]
    assert large
    for name in large:
        torch.testing.assert_close(after[name], before[name], rtol=2**-11, atol=0)
        content = after[name].numpy().tobytes()
        assert len(zlib.compress(content)) < 0.65 * len(content)
