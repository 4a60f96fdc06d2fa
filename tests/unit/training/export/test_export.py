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

#: A network that is exported in half the time.
DNCNN = TINY.with_budget(steps=1, minutes=None).model_copy(
    update={"architecture": "dncnn", "arguments": {"channels": 1, "depth": 3, "width": 4}}
)


def test_a_mean_with_the_first_weights_is_exported_and_told(tmp_path: Path) -> None:
    """A quarter of the weights of the other run, and its share on the card."""
    for name, seed in (("first", 1), ("second", 2)):
        fit(DNCNN.model_copy(update={"seed": seed}), tmp_path / name)
    made = {}
    for share in (0, 0.25, 1):
        file = tmp_path / f"{share}.onnx"
        facts = Provenance("tiny", "1", "nothing", "none")
        export(tmp_path / "second", file, facts, evaluation_sets=[], start=tmp_path / "first", start_share=share)
        artifact = Artifact.load(file)
        assert artifact.card.training.start_share == share
        made[share] = rebuilt(artifact).state_dict()
    head = "head.weight"  # the others are folded with the deviations of a batch, which is not linear
    torch.testing.assert_close(made[0.25][head], 0.75 * made[0][head] + 0.25 * made[1][head])
    assert not torch.equal(made[0][head], made[1][head])


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
