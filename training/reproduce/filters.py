"""Equivalent filters: the weights with which an output value averages its surroundings (the paper, section 5)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure

from biasfree import rebuild
from biasfree.analysis.jacobian import Jacobian
from biasfree.analysis.pictures import intensity_image, signed_image
from biasfree.architectures import Network
from training.reproduce.pages import Page, Request, Sheet
from training.reproduce.patches import Patch, on_every_core, read_patches

#: The paper's noise levels, 0-255 scale.
SIGMAS_255 = (10.0, 30.0, 100.0)
#: Least distance in pixels of a chosen pixel from the patch's border, so that its filter has room.
MARGIN = 8
#: The smallest patch has as much room for the pixels inside the margin as the margin has; with less, they coincide.
LEAST_SIDE = 3 * MARGIN
KINDS = ("flat", "texture", "edge")


@dataclass(frozen=True)
class Filters:
    """The filters at three pixels of one patch.

    Attributes:
        patch: The patch.
        pixels: Row and column of one pixel of each of ``KINDS``.
        rows: Rows of A (S, 3, P, P), summed over the channels of the input.
    """

    patch: Patch
    pixels: tuple[tuple[int, int], ...]
    rows: torch.Tensor

    @property
    def sums(self) -> torch.Tensor:
        """Return the sum of each filter's weights (S, 3)."""
        return self.rows.sum(dim=(2, 3))

    @property
    def radii(self) -> torch.Tensor:
        """Return the root mean square distance from the pixel, in pixels, weighted by the squared weights (S, 3)."""
        side = self.patch.side
        places = torch.stack(torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij"))
        distances = ((places[None] - torch.tensor(self.pixels)[:, :, None, None]) ** 2).sum(dim=1)
        energy = self.rows**2
        radii: torch.Tensor = ((energy * distances).sum(dim=(2, 3)) / energy.sum(dim=(2, 3))).sqrt()
        return radii


def page(request: Request) -> Page:
    """Measure the filters at three pixels of every patch: in a flat area, in texture, and on an edge.

    Raises:
        ValueError: Model, photographs or sizes do not fit together.
    """
    artifact = request.artifact()
    network, channels = rebuild.network(artifact), artifact.card.channels
    patches = read_patches(request.images, channels=channels, count=request.count, side=request.side)
    found = on_every_core(lambda patch: _measure(network, patch), patches)
    title = f"Equivalent filters of {artifact.card.name}, {len(found)} images of {request.images.resolve().name}"
    facts = {
        "sigmas_255": SIGMAS_255,
        "kinds": KINDS,
        "patches": [
            {"name": each.patch.name, "pixels": each.pixels, "sums": each.sums.numpy(), "radii": each.radii.numpy()}
            for each in found
        ],
    }
    return Page("filters", title, [_sheet(found)], facts, {"filters": _draw(found[0])})


def _measure(network: Network, patch: Patch) -> Filters:
    pixels = _pixels(patch.clean)
    rows = torch.stack([_rows(network, patch.noisy(sigma), pixels) for sigma in SIGMAS_255])
    return Filters(patch, pixels, rows)


def _rows(network: Network, noisy: torch.Tensor, pixels: Sequence[tuple[int, int]]) -> torch.Tensor:
    """Return the rows of A for the first channel of the pixels, summed over the input's channels (3, P, P)."""
    outputs = torch.zeros(len(pixels), *noisy.shape)
    for place, (row, column) in enumerate(pixels):
        outputs[place, 0, row, column] = 1
    return Jacobian(network, noisy).rmatvec(outputs).sum(dim=1)


def _pixels(clean: torch.Tensor) -> tuple[tuple[int, int], ...]:
    """Choose the pixels with the smallest, the median and the largest gradient."""
    gradient = np.hypot(*np.gradient(clean.mean(dim=0).numpy()))[MARGIN:-MARGIN, MARGIN:-MARGIN]
    order = np.argsort(gradient, axis=None, kind="stable")
    chosen = order[[0, len(order) // 2, -1]]
    rows, columns = np.unravel_index(chosen, gradient.shape)
    return tuple((int(row) + MARGIN, int(column) + MARGIN) for row, column in zip(rows, columns, strict=True))


def _sheet(found: Sequence[Filters]) -> Sheet:
    sums, radii = (torch.stack([getattr(each, name) for each in found]) for name in ("sums", "radii"))
    rows = [
        (
            f"{sigma:g}",
            *(f"{float(radii[:, level, kind].mean()):.2f}" for kind in range(len(KINDS))),
            *(f"{float(sums[:, level, kind].mean()):.3f}" for kind in range(len(KINDS))),
        )
        for level, sigma in enumerate(SIGMAS_255)
    ]
    head = ("sigma", *(f"radius, {kind}" for kind in KINDS), *(f"sum, {kind}" for kind in KINDS))
    return Sheet("Means over the images: radius of the filter in pixels, and sum of its weights", head, tuple(rows))


def _draw(filters: Filters) -> Figure:
    """Draw the noisy patch at each level, and the three filters, each on its own scale."""
    figure = Figure(figsize=(2 * (1 + len(KINDS)), 2.1 * len(SIGMAS_255)), layout="constrained")
    axes = figure.subplots(len(SIGMAS_255), 1 + len(KINDS), squeeze=False)
    for line, rows, sigma in zip(axes, filters.rows, SIGMAS_255, strict=True):
        noisy = filters.patch.noisy(sigma).numpy()
        line[0].imshow(np.asarray(intensity_image(noisy, black=0, white=1).convert("RGB")))
        line[0].set_ylabel(f"$\\sigma$ = {sigma:g}")
        for axis, row, (top, left), kind in zip(line[1:], rows, filters.pixels, KINDS, strict=True):
            picture = signed_image(row[None].numpy(), limit=float(row.abs().max()) or 1.0)
            axis.imshow(np.asarray(picture.convert("RGB")), interpolation="nearest")
            axis.set_title(f"{kind} ({left}, {top})", size=8)
        for axis in line:
            axis.set(xticks=(), yticks=())
    return figure
