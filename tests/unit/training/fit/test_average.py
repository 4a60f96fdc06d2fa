"""The moving average of the weights."""

import numpy as np
import torch
from torch import nn

from training.fit.average import WeightAverage


def test_average_equals_a_dense_reference_and_goes_on_from_its_weights() -> None:
    """It covers weights and buffers, and the decay depends on the step alone."""
    random = np.random.default_rng(0)
    network = nn.BatchNorm2d(3).double()
    average = WeightAverage(network, decay=0.8)
    expected = np.zeros(3)
    for step in range(1, 31):
        values = random.standard_normal(3)
        network.weight.data, network.running_var = torch.from_numpy(values), torch.from_numpy(-values)
        decay = min(0.8, (step - 1) / (step + 8))
        expected = decay * expected + (1 - decay) * values
        average.update(network, step=step)
        assert np.allclose(average.network.weight.detach(), expected)
        assert np.allclose(average.network.running_var, -expected)
        resumed = WeightAverage(network, decay=0.8)
        resumed.network.load_state_dict(average.network.state_dict())
        average = resumed


def test_first_step_leaves_nothing_of_the_start() -> None:
    """The random initial weights are not part of the average."""
    network = nn.Linear(2, 2)
    average = WeightAverage(network, decay=0.999)
    network.weight.data.fill_(5)
    average.update(network, step=1)
    assert torch.equal(average.network.weight, network.weight)


def test_counters_are_copied() -> None:
    """Integers cannot be averaged."""
    network = nn.BatchNorm2d(1)
    average = WeightAverage(network, decay=0.5)
    network.num_batches_tracked.fill_(7)
    average.update(network, step=3)
    assert int(average.network.num_batches_tracked) == 7
