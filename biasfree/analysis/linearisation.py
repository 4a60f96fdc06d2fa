"""The linear map that a network is near one image: its convolutions, with the ReLUs frozen.

A ReLU network is linear wherever no ReLU flips. One pass over the image fixes the gain of every ReLU (1, or 0, or the
slope of a leaky one); the Jacobian times a vector is then the network's own forward pass with those gains (Mohan et
al., ICLR 2020, section 4). Two exact shortcuts make it cheaper than a pass over an image. First, a vector that is zero
outside a window is, after a convolution, zero outside a slightly wider window: only that window is computed. Second, a
channel whose ReLUs are all off at this image carries nothing: the convolutions before and after leave it out.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch.nn import functional as F

from biasfree.analysis.operand import Function, Operand, operands, unwrapped
from biasfree.analysis.window import NOWHERE, Window
from biasfree.architectures import Network
from biasfree.architectures.outliers import clip_outliers, limits

CONVOLUTIONS: frozenset[Function] = frozenset({F.conv2d, F.conv_transpose2d})
RELUS: frozenset[Function] = frozenset({F.relu, torch.relu, F.leaky_relu})
#: Further linear functions. Any other function in a network is an error: its linearization would be silently wrong.
LINEAR: frozenset[Function] = frozenset(
    {
        F.avg_pool2d,
        F.pad,
        F.pixel_shuffle,
        F.pixel_unshuffle,
        torch.cat,
        torch.index_select,
        torch.Tensor.__getitem__,
        torch.Tensor.add,
        torch.Tensor.sub,
    }
)
LEAKY_SLOPE = 0.01  # torch's default
#: Channels are left out in groups of this size, the lanes of a 512-bit register: 59 outputs took 1.2 times as long as
#: 64.
LANES = 16


@dataclass(eq=False)
class Relus:
    """One layer of ReLUs at one image.

    Attributes:
        preactivations: Its inputs (1, C, H, W).
        slope: Gain of an inactive unit.
        before: The convolution before it; None if another function comes before it.
        after: The convolutions that use its output.
        only_convolved: True if nothing but those convolutions uses its output.
    """

    preactivations: torch.Tensor
    slope: float
    before: "Convolution | None"
    after: "list[Convolution]" = field(default_factory=list)
    only_convolved: bool = True

    def gains(self) -> torch.Tensor:
        """Return the gain of each unit (1, C, H, W)."""
        gains = torch.full_like(self.preactivations, self.slope)
        return gains.masked_fill_(self.preactivations > 0, 1).contiguous(memory_format=torch.channels_last)


@dataclass(frozen=True, eq=False)
class Clipping:
    """Clipping of outliers at one image.

    Attributes:
        noisy: The image (1, C, H, W).
        cell: Side of the cells whose extremes set the limits, pixels.
        above: Mask of the pixels above the upper limit.
        below: Mask of the pixels below the lower limit.
    """

    noisy: torch.Tensor
    cell: int
    above: torch.Tensor
    below: torch.Tensor

    @classmethod
    def at(cls, noisy: torch.Tensor, *, cell: int) -> "Clipping":
        """Find the clipped pixels of an image."""
        floor, ceiling = limits(noisy, cell=cell)
        return cls(noisy, cell, noisy > ceiling, noisy < floor)

    @property
    def idle(self) -> bool:
        """Tell whether nothing is clipped, as in most images."""
        return not bool((self.above | self.below).any())

    def __call__(self, vectors: torch.Tensor) -> torch.Tensor:
        """Multiply (B, C, H, W) by the Jacobian: a clipped pixel follows the pixels that set its limit."""
        images = self.noisy.expand_as(vectors).contiguous()
        along = torch.func.jvp(lambda image: limits(image, cell=self.cell), (images,), (vectors.contiguous(),))
        floor, ceiling = along[1]
        return torch.where(self.above, ceiling, torch.where(self.below, floor, vectors))


@dataclass(eq=False)
class Convolution:
    """One convolution of the network.

    Attributes:
        weight: Its kernels, without those of channels that carry nothing.
        dense: True if every output depends on all inputs and the weight has outputs first, so that kernels can be
            cut out.
        uses: Number of functions that take its result.
    """

    weight: torch.Tensor
    dense: bool
    uses: int = 0


class Linearisation:
    """The linear map ``v -> A v`` of a network at an image.

    Args:
        network: Piecewise linear, with ReLUs from ``torch.nn.functional``. Additive constants are not part of A.
        noisy: y (C, H, W), of the network's dtype and device.

    Attributes:
        denoised: f(y) (C, H, W).
        relus: Every layer of ReLUs, in call order.

    Raises:
        TypeError: The network uses a function that is not known to be linear.
    """

    def __init__(self, network: Network, noisy: torch.Tensor) -> None:
        self._network = network.folded()
        with torch.no_grad():
            denoised, tape = _record(self._network, noisy)
        self.denoised, self.relus = denoised, tape.relus
        self._gains = [relus.gains() for relus in tape.relus]
        self._convolutions, self._clippings = tape.convolutions, tape.clippings
        for index, relus in enumerate(tape.relus):
            self._leave_out_silent(index, relus)
        for convolution in self._convolutions:
            convolution.weight = _channels_last(convolution.weight)

    def __call__(self, vectors: torch.Tensor, window: Window | None = None) -> torch.Tensor:
        """Multiply vectors by A.

        Args:
            vectors: (B, C, H, W); with ``window`` (B, C, h, w), the values inside it.
            window: Part of the image outside of which the vectors are zero; by default the whole image.

        Returns:
            (B, C, H, W).
        """
        height, width = self.denoised.shape[-2:]
        whole = Window(0, 0, height, width)
        ahead = iter(self._gains), iter(self._convolutions), iter(self._clippings)
        result: _Batch = self._network(_Batch(_channels_last(vectors), window or whole, (height, width), *ahead))
        return result.on(whole)

    def _leave_out_silent(self, index: int, relus: Relus) -> None:
        """Cut channels without gain out of a layer of ReLUs and the convolutions around it."""
        gains = self._gains[index]
        kept = _loud(gains)
        if relus.before is None or not relus.only_convolved or len(kept) == gains.shape[1]:
            return
        self._gains[index] = _channels_last(gains[:, kept])
        relus.before.weight = relus.before.weight[kept]
        for each in relus.after:
            each.weight = each.weight[:, kept]


def relus_at(network: Network, noisy: torch.Tensor) -> list[Relus]:
    """Return every layer of ReLUs of a folded network at an image (C, H, W), in call order; differentiable."""
    return _record(network, noisy)[1].relus


def _record(network: Network, noisy: torch.Tensor) -> tuple[torch.Tensor, "_Tape"]:
    tape = _Tape()
    denoised: _Recorded = network(_Recorded(noisy[None], tape))
    return denoised.tensor[0], tape


@dataclass
class _Tape:
    """A record of the pass over the image: layers of ReLUs, convolutions and clippings, in call order."""

    relus: list[Relus] = field(default_factory=list)
    convolutions: list[Convolution] = field(default_factory=list)
    clippings: list[Clipping] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class _Recorded(Operand):
    """A tensor of that pass, with the convolution or layer of ReLUs that produced it."""

    tensor: torch.Tensor
    tape: _Tape
    convolution: Convolution | None = None
    relus: Relus | None = None

    @property
    def shape(self) -> torch.Size:
        """Return (1, C, H, W)."""
        return self.tensor.shape

    def apply(self, function: Function, args: Sequence[Any], kwargs: dict[str, Any]) -> "_Recorded":
        """Apply a function and record it."""
        result = function(*unwrapped(args, lambda each: each.tensor), **kwargs)
        convolution = _convolution(function, args, kwargs)
        for source in operands(args):
            source.note_use(convolution)
        if function in RELUS:
            before = self.convolution if self.convolution is not None and self.convolution.dense else None
            relus = Relus(self.tensor, _slope(function, args, kwargs), before)
            self.tape.relus.append(relus)
            return replace(self, tensor=result, convolution=None, relus=relus)
        if convolution is not None:
            self.tape.convolutions.append(convolution)
        elif function is clip_outliers:
            self.tape.clippings.append(Clipping.at(self.tensor, **kwargs))
        elif function not in LINEAR or (function is F.pad and any(args[3:] or [kwargs.get("value")])):
            raise TypeError(f"cannot analyze this network: {function.__name__} is not known to be linear")
        return replace(self, tensor=result, convolution=convolution, relus=None)

    def note_use(self, convolution: Convolution | None) -> None:
        """Record that a function uses this tensor: a convolution, or another function (None)."""
        if self.convolution is not None:
            self.convolution.uses += 1
        if self.relus is not None and convolution is not None and convolution.dense:
            self.relus.after.append(convolution)
        elif self.relus is not None:
            self.relus.only_convolved = False


@dataclass(frozen=True, eq=False)
class _Batch(Operand):
    """A batch of vectors on its way through the network.

    Attributes:
        tensor: (B, C, h, w), the values in ``window``; they are zero elsewhere on the grid.
        window: A part of the grid.
        sides: H and W of the grid.
        gains: Gains of the ReLUs still ahead.
        convolutions: The convolutions still ahead.
        clippings: The clippings still ahead.
        fresh: True if only the next function uses this, and may overwrite it (40 x 40: 0.52 s, otherwise 0.57 s).
    """

    tensor: torch.Tensor
    window: Window
    sides: tuple[int, int]
    gains: Iterator[torch.Tensor]
    convolutions: Iterator[Convolution]
    clippings: Iterator[Clipping]
    fresh: bool = False

    @property
    def shape(self) -> torch.Size:
        """Return (B, C, H, W)."""
        return torch.Size((*self.tensor.shape[:2], *self.sides))

    @property
    def whole(self) -> Window:
        """Return the whole grid as a window."""
        return Window(0, 0, *self.sides)

    def on(self, window: Window) -> torch.Tensor:
        """Return the values on a window that contains this one."""
        if window == self.window:
            return self.tensor
        if self.window.empty:
            sides = window.bottom - window.top, window.right - window.left
            return self.tensor.new_zeros((*self.tensor.shape[:2], *sides))
        inner = self.window.seen_from(window)
        bottom, right = window.bottom - self.window.bottom, window.right - self.window.right
        return F.pad(self.tensor, (inner.left, right, inner.top, bottom))

    def apply(self, function: Function, args: Sequence[Any], kwargs: dict[str, Any]) -> "_Batch":
        """Apply the linear part of a function."""
        if function in RELUS:
            return self._gated(next(self.gains)[..., self.window.rows, self.window.columns])
        if function is F.conv2d:
            return self._convolved(next(self.convolutions), *args[3:], **kwargs)
        if function is F.conv_transpose2d:
            convolution = next(self.convolutions)
            result = F.conv_transpose2d(self.on(self.whole), convolution.weight, None, *args[3:], **kwargs)
            return self._full(result, fresh=_fresh(convolution))
        if function is clip_outliers:
            clipping = next(self.clippings)
            return replace(self, fresh=False) if clipping.idle else self._full(clipping(self.on(self.whole)))
        if function in (torch.Tensor.add, torch.Tensor.sub):
            return self._combined(function, args)
        if function is F.pad and not any(args[1]):
            return replace(self, fresh=False)
        if function is F.pad and "replicate" in (*args[2:], *kwargs.values()) and not self.window.empty:
            return self._replicated(args[1])
        if function is torch.index_select and not self.window.empty:
            return self._selected(*args[1:])
        if function is F.pixel_unshuffle:
            return self._in_cells((args[1], args[1]), lambda tensor: F.pixel_unshuffle(tensor, args[1]))
        return self._full(function(*unwrapped(args, lambda each: each.on(each.whole)), **kwargs))

    def _gated(self, gains: torch.Tensor) -> "_Batch":
        tensor = self.tensor.mul_(gains) if self.fresh else self.tensor * gains
        return replace(self, tensor=tensor, fresh=False)

    def _convolved(
        self, convolution: Convolution, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
    ) -> "_Batch":
        weight, fresh = convolution.weight, _fresh(convolution)
        if self.window.empty or weight.numel() == 0:
            return self._nothing(weight, stride, padding, dilation)
        if _pair(stride) == tuple(weight.shape[2:]) and _pair(padding) == (0, 0) and _pair(dilation) == (1, 1):
            cells = self._in_cells(_pair(stride), lambda tensor: F.conv2d(tensor, weight, None, stride, 0, 1, groups))
            return replace(cells, fresh=fresh)
        rows, columns = (step * (side - 1) for step, side in zip(_pair(dilation), weight.shape[2:], strict=True))
        if _pair(stride) != (1, 1) or self.window == self.whole:
            result = F.conv2d(self.on(self.whole), weight, None, stride, padding, dilation, groups)
            return self._full(result, fresh=fresh)
        below, beside = _pair(padding)
        sides = self.sides[0] + 2 * below - rows, self.sides[1] + 2 * beside - columns
        spread = self.window.shifted(below - rows, beside - columns).extended(rows, columns)
        inside = spread.within(Window(0, 0, *sides))
        result = F.conv2d(self.tensor, weight, None, stride, (rows, columns), dilation, groups)
        cut = inside.seen_from(spread)
        tensor = result[..., cut.rows, cut.columns]
        return replace(self, tensor=tensor, window=inside, sides=sides, fresh=fresh)

    def _replicated(self, amounts: Sequence[int]) -> "_Batch":
        """Pad by replication, which extends a window at a border past that border."""
        left, right, top, bottom = amounts
        sides = self.sides[0] + top + bottom, self.sides[1] + left + right
        # A side that lies on the border moves to the new border; any other keeps its distance.
        window = Window(
            self.window.top + top * (self.window.top > 0),
            self.window.left + left * (self.window.left > 0),
            sides[0] if self.window.bottom == self.sides[0] else self.window.bottom + top,
            sides[1] if self.window.right == self.sides[1] else self.window.right + left,
        )
        old = self.window.shifted(top, left)
        gained = old.left - window.left, window.right - old.right, old.top - window.top, window.bottom - old.bottom
        tensor = F.pad(self.tensor, gained, mode="replicate")
        return replace(self, tensor=tensor, window=window, sides=sides, fresh=False)

    def _selected(self, dimension: int, index: torch.Tensor) -> "_Batch":
        """Select rows (dimension 2) or columns (3) by index, limited to those that come from the window."""
        along_rows = dimension == 2
        first, last = (self.window.top, self.window.bottom) if along_rows else (self.window.left, self.window.right)
        places = torch.nonzero((first <= index) & (index < last)).flatten().tolist()
        start, stop = places[0], places[-1] + 1
        chosen = index[start:stop]
        # Between two places that come from the window there may be some from outside of it, where all is zero.
        low, high = int(chosen.min()), int(chosen.max()) + 1
        if along_rows:
            source, window = replace(self.window, top=low, bottom=high), replace(self.window, top=start, bottom=stop)
            sides = len(index), self.sides[1]
        else:
            source, window = replace(self.window, left=low, right=high), replace(self.window, left=start, right=stop)
            sides = self.sides[0], len(index)
        tensor = self.on(source).index_select(dimension, chosen - low)
        return replace(self, tensor=tensor, window=window, sides=sides, fresh=False)

    def _in_cells(self, cell: tuple[int, int], function: Callable[[torch.Tensor], torch.Tensor]) -> "_Batch":
        """Apply a function that maps each cell of inputs to one output; incomplete cells are dropped."""
        sides = self.sides[0] // cell[0], self.sides[1] // cell[1]
        window = self.window.in_cells(cell).within(Window(0, 0, *sides))
        return replace(self, tensor=function(self.on(window.times(cell))), window=window, sides=sides, fresh=False)

    def _nothing(self, weight: torch.Tensor, stride: Any, padding: Any, dilation: Any) -> "_Batch":
        """Return the result of a convolution without inputs or without outputs."""
        kernel = zip(self.sides, weight.shape[2:], _pair(stride), _pair(padding), _pair(dilation), strict=True)
        height, width = ((side + 2 * pad - gap * (taps - 1) - 1) // step + 1 for side, taps, step, pad, gap in kernel)
        tensor = self.tensor.new_zeros((len(self.tensor), len(weight), 0, 0))
        return replace(self, tensor=tensor, window=NOWHERE, sides=(height, width), fresh=False)

    def _combined(self, function: Function, args: Sequence["_Batch"]) -> "_Batch":
        left, right = args
        if right.window.empty:
            return replace(left, fresh=False)
        window = left.window.around(right.window)
        if function is torch.Tensor.add:
            for one, other in ((left, right), (right, left)):
                if one.fresh and one.window == window:
                    return one._increased(other)
        return replace(self, tensor=function(left.on(window), right.on(window)), window=window, fresh=False)

    def _increased(self, other: "_Batch") -> "_Batch":
        """Add values that lie inside this window, in place."""
        place = other.window.seen_from(self.window)
        self.tensor[..., place.rows, place.columns] += other.tensor
        return replace(self, fresh=False)

    def _full(self, tensor: torch.Tensor, *, fresh: bool = False) -> "_Batch":
        height, width = tensor.shape[-2:]
        return replace(self, tensor=tensor, window=Window(0, 0, height, width), sides=(height, width), fresh=fresh)


def _convolution(function: Function, args: Sequence[Any], kwargs: dict[str, Any]) -> Convolution | None:
    if function not in CONVOLUTIONS:
        return None
    groups = args[6] if len(args) > 6 else kwargs.get("groups", 1)
    return Convolution(args[1], dense=function is F.conv2d and groups == 1)


def _fresh(convolution: Convolution) -> bool:
    """Tell whether the result may be overwritten: it has one use, and no derivative is taken of it."""
    return convolution.uses == 1 and not torch.is_grad_enabled()


def _slope(function: Function, args: Sequence[Any], kwargs: dict[str, Any]) -> float:
    if function is not F.leaky_relu:
        return 0.0
    return float(args[1] if len(args) > 1 else kwargs.get("negative_slope", LEAKY_SLOPE))


def _loud(gains: torch.Tensor) -> torch.Tensor:
    """Return the channels with any gain, filled up with others to a number that convolutions process fast."""
    loudest = gains.abs().amax(dim=(0, 2, 3)).sort(descending=True, stable=True)
    count = int(loudest.values.count_nonzero())
    return loudest.indices[: -(-count // LANES) * LANES].sort().values


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def _channels_last(tensor: torch.Tensor) -> torch.Tensor:
    """Convert to the layout in which convolutions of batches are fastest on a CPU."""
    return tensor.contiguous(memory_format=torch.channels_last)
