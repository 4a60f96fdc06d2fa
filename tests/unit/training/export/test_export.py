"""Test what an export changes in the weights."""

import zlib

import torch

from biasfree.architectures import ResUNet
from training.export.export import ROUNDED_VALUES, rounded


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
