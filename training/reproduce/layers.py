"""How masks and weights form the projection, layer by layer: the open question in section 5 of the report.

A DnCNN without additive constants computes ``f(y) = y - W_L R_{L-1} ... R_1 W_1 y``, with the weights W and the masks R
of its ReLUs at y. The partial product ``P_l = R_l W_l ... R_1 W_1`` maps a patch of N values to layer l's features.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import nn

from biasfree import rebuild
from biasfree.architectures import DnCNN, Network
from training.fit.recipe import read_recipe
from training.reproduce.decomposition import Decomposition, frobenius
from training.reproduce.pages import Page, Request, Sheet, plain
from training.reproduce.patches import on_every_core, read_patches
from training.reproduce.twins import FULL, twins

#: Recipe of the small network that is trained if --model names no DnCNN.
RECIPE = "small-dncnn"
#: P; every layer then processes N = 400 columns.
SIDE = 20
SIGMAS_255 = (10.0, 30.0, 100.0)


@dataclass(frozen=True)
class Layer:
    """One layer at one patch and noise level.

    Attributes:
        active: Fraction of its ReLUs that are active.
        rank: Participation ratio ``(sum s_i^2)^2 / sum s_i^4`` of the singular values of P_l: N if all are equal, 1 if
            only one is not zero.
        signal_gain: Mean of ``||P_l v||^2`` over the directions v that the whole network keeps (its first d right
            singular vectors), divided by its mean over all other directions.
        asymmetry: ``||T - T^T||_F / ||T||_F`` of ``T = W_L P_l``, the last layer's weights on this layer's features.
        agreement: ``<T, I - A> / (||T||_F ||I - A||_F)``: 1 if T removes what the network removes, up to a factor.
    """

    active: float
    rank: float
    signal_gain: float
    asymmetry: float
    agreement: float


#: Field -> label, and format of its numbers.
FIELDS = {
    "active": ("ReLUs active", ".1%"),
    "rank": (f"rank of P_l, N = {SIDE**2}", ".1f"),
    "signal_gain": ("gain of what is kept over the rest", ".3f"),
    "asymmetry": ("asymmetry of W_L P_l", ".2f"),
    "agreement": ("agreement of W_L P_l with I - A", ".3f"),
}


def page(request: Request) -> Page:
    """Follow a block of unit vectors through a DnCNN.

    Raises:
        ValueError: The model is not a DnCNN without additive constants, or no folder to train on was named.
    """
    network, name = _network(request)
    patches = read_patches(request.images, channels=1, count=request.count, side=SIDE)
    found = {sigma: on_every_core(lambda patch: measure(network, patch.noisy(sigma)), patches) for sigma in SIGMAS_255}  # noqa: B023  # called at once
    means = {sigma: [_mean(layers) for layers in zip(*each, strict=True)] for sigma, each in found.items()}
    facts = {
        "network": name,
        "patches": [patch.name for patch in patches],
        "layers": {
            f"{sigma:g}": [[asdict(layer) for layer in layers] for layers in each] for sigma, each in found.items()
        },
    }
    title = f"Layer by layer: {name}, {len(patches)} images, {SIDE} x {SIDE}"
    sheets = [_sheet(means, field) for field in FIELDS]
    return Page("layers", title, sheets, facts, {"layers": _draw(means)})


@torch.no_grad()
def measure(network: DnCNN, noisy: torch.Tensor) -> list[Layer]:
    """Measure every layer of ReLUs, from input to output.

    Args:
        network: A folded network, without additive constants or normalization.
        noisy: y (1, P, P).
    """
    decomposition = Decomposition.of(network, noisy)
    # At least one direction counts as the rest, even if the network removes nothing.
    kept = decomposition.spectrum.right[: min(decomposition.leading, noisy.numel() - 1)].flatten(1)
    removed = torch.eye(noisy.numel()) - decomposition.matrix
    columns = torch.eye(noisy.numel()).view(-1, *noisy.shape)
    features, layers = noisy[None], []
    for convolution in (network.head, *network.hidden):
        preactivations = convolution(features)
        mask = (preactivations > 0).to(noisy.dtype)
        features, columns = preactivations * mask, convolution(columns) * mask
        read_out = network.tail(columns).flatten(1).T
        layers.append(_layer(columns.flatten(1), mask, kept, read_out, removed))
    return layers


def _layer(
    columns: torch.Tensor, mask: torch.Tensor, kept: torch.Tensor, read_out: torch.Tensor, removed: torch.Tensor
) -> Layer:
    """Measure one layer from ``columns`` = P_l^T (N, features) and ``read_out`` = T (N, N)."""
    gram = columns.double() @ columns.double().T
    energies = torch.linalg.eigvalsh(gram).clamp_min(0)
    total = energies.sum()
    inside = torch.einsum("di,ij,dj->", kept.double(), gram, kept.double())
    directions, size = kept.shape
    outside = (total - inside).clamp_min(1e-300) / (size - directions)
    return Layer(
        active=float(mask.mean()),
        rank=float(total**2 / (energies**2).sum()),
        signal_gain=float(inside / directions / outside),
        asymmetry=frobenius(read_out - read_out.T) / frobenius(read_out),
        agreement=float((read_out.double() * removed.double()).sum()) / (frobenius(read_out) * frobenius(removed)),
    )


def _network(request: Request) -> tuple[DnCNN, str]:
    if request.model is None:
        [twin] = [each for each in twins(read_recipe(RECIPE)) if each.sigma_max == FULL and not each.bias]
        return _plain_dncnn(twin.trained(request)), f"small DnCNN, {twin.name.removeprefix('dncnn ')}"
    artifact = request.artifact()
    return _plain_dncnn(rebuild.network(artifact)), artifact.card.name


def _plain_dncnn(network: Network) -> DnCNN:
    folded = network.folded().eval()
    if not isinstance(folded, DnCNN) or any(
        isinstance(each, nn.Conv2d) and each.bias is not None for each in folded.modules()
    ):
        raise ValueError("--model must be a DnCNN without additive constants; omit it to train a small one")
    return folded


def _mean(layers: Sequence[Layer]) -> Layer:
    """Average over the patches."""
    return Layer(**{field: float(np.mean([getattr(each, field) for each in layers])) for field in FIELDS})


def _sheet(means: dict[float, list[Layer]], field: str) -> Sheet:
    name, digits = FIELDS[field]
    count = len(means[SIGMAS_255[0]])
    head = (name, *(f"layer {place}" for place in range(1, count + 1)))
    rows = (
        (f"sigma {sigma:g}", *(format(getattr(layer, field), digits) for layer in layers))
        for sigma, layers in means.items()
    )
    return Sheet(f"{name}, means over the images", head, tuple(rows))


def _draw(means: dict[float, list[Layer]]) -> Figure:
    """Draw one panel per measure."""
    figure = Figure(figsize=(3 * len(FIELDS), 3), layout="constrained")
    for axes, field in zip(figure.subplots(1, len(FIELDS)), FIELDS, strict=True):
        _panel(axes, means, field)
    return figure


def _panel(axes: Axes, means: dict[float, list[Layer]], field: str) -> None:
    for sigma, layers in means.items():
        values = [getattr(layer, field) for layer in layers]
        axes.plot(range(1, len(values) + 1), values, "o-", markersize=4, label=f"$\\sigma$ = {sigma:g}")
    if field == "signal_gain":
        axes.set_yscale("log")
    axes.set_title(FIELDS[field][0], size=9)
    axes.set_xlabel("layer")
    axes.legend(frameon=False, fontsize=7)
    plain(axes)
