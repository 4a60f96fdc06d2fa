"""The share of additive constants in the result, inside and outside the noise range of training.

A network with additive constants computes ``f(y) = A_y y + b_y``. Mohan et al. (ICLR 2020, section 3, figure 1) find
that ``||b_y||`` is small within the training range and grows outside it, where the network fails.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from biasfree.analysis.jacobian import Jacobian
from biasfree.architectures import Network
from training.fit.recipe import read_recipe
from training.reproduce.pages import Page, Request, Sheet, plain
from training.reproduce.patches import Patch, on_every_core, read_patches
from training.reproduce.twins import Twin, twins

#: The paper measures DnCNN.
RECIPE = "small-dncnn"
#: P, the side of the paper's patches.
SIDE = 20
SIGMAS_255 = (5.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0)

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class NetBias:
    """Measurements of one network, on the 0-255 scale.

    Attributes:
        twin: The network.
        bias: Mean over the patches of ||b_y|| at each level (S,).
        removed: Mean over the patches of ||y - f(y)|| (S,).
    """

    twin: Twin
    bias: FloatArray
    removed: FloatArray


def page(request: Request) -> Page:
    """Measure the networks with additive constants, one per training range.

    Raises:
        ValueError: No folder to train on was named, or a photograph is too small.
    """
    patches = read_patches(request.images, channels=1, count=request.count, side=SIDE)
    biased = [twin for twin in twins(read_recipe(RECIPE)) if twin.bias]
    found = [_measure(twin, twin.trained(request), patches) for twin in biased]
    title = f"Net bias of DnCNN with additive constants, {len(patches)} images, {SIDE} x {SIDE}"
    facts = {
        "sigmas_255": SIGMAS_255,
        "networks": {each.twin.name: {"net_bias": each.bias, "removed": each.removed} for each in found},
    }
    return Page("bias", title, [_sheet(found)], facts, {"bias": _draw(found)})


def _measure(twin: Twin, network: Network, patches: Sequence[Patch]) -> NetBias:
    levels = np.array([on_every_core(lambda patch: _norms(network, patch, sigma), patches) for sigma in SIGMAS_255])  # noqa: B023  # called at once
    bias, removed = 255 * levels.mean(axis=1).T
    return NetBias(twin, bias, removed)


def _norms(network: Network, patch: Patch, sigma_255: float) -> tuple[float, float]:
    noisy = patch.noisy(sigma_255)
    jacobian = Jacobian(network, noisy)
    return float(jacobian.net_bias.norm()), float((noisy - jacobian.denoised).norm())


def _sheet(found: Sequence[NetBias]) -> Sheet:
    rows = []
    for each in found:
        rows.append((f"‖b‖, trained on 0-{each.twin.sigma_max:g}", *(f"{value:.0f}" for value in each.bias)))
        rows.append(("  ‖y - f(y)‖", *(f"{value:.0f}" for value in each.removed)))
    head = ("0-255 scale, sigma", *(f"{sigma:g}" for sigma in SIGMAS_255))
    return Sheet("Net bias, and what is removed", head, tuple(rows))


def _draw(found: Sequence[NetBias]) -> Figure:
    """Draw one panel per training range."""
    figure = Figure(figsize=(3.4 * len(found), 3.4), layout="constrained")
    panels = figure.subplots(1, len(found), squeeze=False, sharey=True)[0]
    for axes, each in zip(panels, found, strict=True):
        axes.axvspan(0, each.twin.sigma_max, color="C0", alpha=0.1, linewidth=0)
        axes.plot(SIGMAS_255, each.bias, "o-", markersize=4, label=r"net bias $\|b_y\|$")
        axes.plot(SIGMAS_255, each.removed, "s-", markersize=4, label=r"removed $\|y - f(y)\|$")
        axes.set(title=f"trained on 0-{each.twin.sigma_max:g}", xlabel="noise sigma (0-255 scale)", xlim=(0, None))
        plain(axes)
    panels[0].set_ylabel("0-255 scale")
    panels[0].legend(frameon=False, fontsize=8)
    return figure
