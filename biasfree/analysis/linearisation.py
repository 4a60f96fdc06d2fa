"""A network as the linear map that it is near one image: its convolutions, with the ReLUs frozen.

A ReLU network is linear wherever no ReLU flips. One pass over the image fixes the gain of every ReLU (1, or 0, or the
slope of a leaky one); the Jacobian times a vector is then the network's own forward pass with those gains (Mohan et
al., ICLR 2020, section 4). Two things make it cheaper than a pass over an image, and both are exact. A vector that is
zero outside a window is, after a convolution, zero outside a slightly wider one: only that is computed. And a channel
whose ReLUs are all off at this image carries nothing: the convolutions before and after leave it out.
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
#: Further functions that are linear. Anything else in a network is an error: its linearisation would be silently wrong.
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
#: Channels are left out in such groups, the lanes of a 512-bit register: 59 outputs took 1.2 times as long as 64.
LANES = 16


@dataclass(eq=False)
class Relus:
    """One layer of ReLUs at one image.

    Attributes:
        preactivations: Its inputs (1, C, H, W).
        slope: Gain of a unit that is off.
        before: The convolution that it follows, if it is one.
        after: The convolutions that it feeds.
        only_convolved: It feeds nothing else.
    """

    preactivations: torch.Tensor
    slope: float
    before: "Convolution | None"
    after: "list[Convolution]" = field(default_factory=list)
    only_convolved: bool = True

    def gains(self) -> torch.Tensor:
        """The factor of each unit (1, C, H, W)."""
        gains = torch.full_like(self.preactivations, self.slope)
        return gains.masked_fill_(self.preactivations > 0, 1).contiguous(memory_format=torch.channels_last)


@dataclass(frozen=True, eq=False)
class Clipping:
    """Clipping of outliers at one image.

    Attributes:
        noisy: What is clipped, (1, C, H, W).
        cell: Side of the cells whose extremes set the limits, pixels.
        above: Where it is above the upper limit.
        below: Where it is below the lower limit.
    """

    noisy: torch.Tensor
    cell: int
    above: torch.Tensor
    below: torch.Tensor

    @classmethod
    def at(cls, noisy: torch.Tensor, *, cell: int) -> "Clipping":
        """Find what is clipped of an image."""
        floor, ceiling = limits(noisy, cell=cell)
        return cls(noisy, cell, noisy > ceiling, noisy < floor)

    @property
    def idle(self) -> bool:
        """Tell that nothing is clipped, as in most images."""
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
        weight: Its kernels; those of channels that carry nothing are cut out.
        dense: Each of its outputs depends on all of its inputs, outputs first in the weight: kernels can be cut out.
        uses: How many functions take its result.
    """

    weight: torch.Tensor
    dense: bool
    uses: int = 0


class Linearisation:
    """The linear map ``v -> A v`` of a network at an image.

    Args:
        network: Piecewise linear, its ReLUs from ``torch.nn.functional``. Additive constants are no part of A.
        noisy: y (C, H, W), of the network's dtype and device.

    Attributes:
        denoised: f(y) (C, H, W).
        relus: Every layer of ReLUs, in the order of the calls.

    Raises:
        TypeError: The network does something that is not known to be linear.
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
            vectors: (B, C, H, W), or with ``window`` (B, C, h, w): the part outside of which they are zero.
            window: That part of the image.

        Returns:
            (B, C, H, W).
        """
        height, width = self.denoised.shape[-2:]
        whole = Window(0, 0, height, width)
        ahead = iter(self._gains), iter(self._convolutions), iter(self._clippings)
        result: _Batch = self._network(_Batch(_channels_last(vectors), window or whole, (height, width), *ahead))
        return result.on(whole)

    def _leave_out_silent(self, index: int, relus: Relus) -> None:
        """Cut channels without any gain out of a layer of ReLUs and out of the convolutions around it."""
        gains = self._gains[index]
        kept = _loud(gains)
        if relus.before is None or not relus.only_convolved or len(kept) == gains.shape[1]:
            return
        self._gains[index] = _channels_last(gains[:, kept])
        relus.before.weight = relus.before.weight[kept]
        for each in relus.after:
            each.weight = each.weight[:, kept]


def relus_at(network: Network, noisy: torch.Tensor) -> list[Relus]:
    """Every layer of ReLUs of a folded network at an image (C, H, W), in the order of the calls; differentiable."""
    return _record(network, noisy)[1].relus


def _record(network: Network, noisy: torch.Tensor) -> tuple[torch.Tensor, "_Tape"]:
    tape = _Tape()
    denoised: _Recorded = network(_Recorded(noisy[None], tape))
    return denoised.tensor[0], tape


@dataclass
class _Tape:
    """What the pass over the image leaves: layers of ReLUs and convolutions, in the order of the calls."""

    relus: list[Relus] = field(default_factory=list)
    convolutions: list[Convolution] = field(default_factory=list)
    clippings: list[Clipping] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class _Recorded(Operand):
    """A tensor of that pass, and which convolution or which layer of ReLUs it came from."""

    tensor: torch.Tensor
    tape: _Tape
    convolution: Convolution | None = None
    relus: Relus | None = None

    @property
    def shape(self) -> torch.Size:
        """(1, C, H, W)."""
        return self.tensor.shape

    def apply(self, function: Function, args: Sequence[Any], kwargs: dict[str, Any]) -> "_Recorded":
        """Do it, and take notes."""
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
            raise TypeError(f"{function.__name__} is not known to be linear: the analysis cannot take it apart")
        return replace(self, tensor=result, convolution=convolution, relus=None)

    def note_use(self, convolution: Convolution | None) -> None:
        """A function takes this: a convolution, or (None) another one."""
        if self.convolution is not None:
            self.convolution.uses += 1
        if self.relus is not None and convolution is not None and convolution.dense:
            self.relus.after.append(convolution)
        elif self.relus is not None:
            self.relus.only_convolved = False


@dataclass(frozen=True, eq=False)
class _Batch(Operand):
    """Vectors on their way through the network.

    Attributes:
        tensor: (B, C, h, w), what lies in ``window``; elsewhere on the grid they are zero.
        window: A part of the grid.
        sides: H and W of the grid.
        gains: Of the ReLUs that are still ahead.
        convolutions: That are still ahead.
        clippings: That are still ahead.
        fresh: Whoever takes this next is the only one, and may overwrite it (40 x 40: 0.52 s, else 0.57).
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
        """(B, C, H, W)."""
        return torch.Size((*self.tensor.shape[:2], *self.sides))

    @property
    def whole(self) -> Window:
        """The grid."""
        return Window(0, 0, *self.sides)

    def on(self, window: Window) -> torch.Tensor:
        """Values on a window that holds this one."""
        if window == self.window:
            return self.tensor
        if self.window.empty:
            sides = window.bottom - window.top, window.right - window.left
            return self.tensor.new_zeros((*self.tensor.shape[:2], *sides))
        inner = self.window.seen_from(window)
        bottom, right = window.bottom - self.window.bottom, window.right - self.window.right
        return F.pad(self.tensor, (inner.left, right, inner.top, bottom))

    def apply(self, function: Function, args: Sequence[Any], kwargs: dict[str, Any]) -> "_Batch":
        """The function's linear part."""
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
        """Padding by replication: what lies at a border goes on past it."""
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
        """Rows (dimension 2) or columns (3) in another order, some of them twice: those that come from the window."""
        along_rows = dimension == 2
        first, last = (self.window.top, self.window.bottom) if along_rows else (self.window.left, self.window.right)
        places = torch.nonzero((first <= index) & (index < last)).flatten().tolist()
        start, stop = places[0], places[-1] + 1
        chosen = index[start:stop]
        # What lies between two places that come from the window may come from outside of it, where all is zero.
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
        """A function each of whose outputs has a cell of inputs of its own; what fills no cell is left over."""
        sides = self.sides[0] // cell[0], self.sides[1] // cell[1]
        window = self.window.in_cells(cell).within(Window(0, 0, *sides))
        return replace(self, tensor=function(self.on(window.times(cell))), window=window, sides=sides, fresh=False)

    def _nothing(self, weight: torch.Tensor, stride: Any, padding: Any, dilation: Any) -> "_Batch":
        """The result of a convolution that nothing goes into, or nothing comes out of."""
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
        """Add what lies inside this window, in place."""
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
    """Its result may be overwritten, unless a derivative is taken of it."""
    return convolution.uses == 1 and not torch.is_grad_enabled()


def _slope(function: Function, args: Sequence[Any], kwargs: dict[str, Any]) -> float:
    if function is not F.leaky_relu:
        return 0.0
    return float(args[1] if len(args) > 1 else kwargs.get("negative_slope", LEAKY_SLOPE))


def _loud(gains: torch.Tensor) -> torch.Tensor:
    """Channels with any gain, and some more up to a number of them that convolutions do fast."""
    loudest = gains.abs().amax(dim=(0, 2, 3)).sort(descending=True, stable=True)
    count = int(loudest.values.count_nonzero())
    return loudest.indices[: -(-count // LANES) * LANES].sort().values


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def _channels_last(tensor: torch.Tensor) -> torch.Tensor:
    """The layout in which convolutions of batches are fastest on a CPU."""
    return tensor.contiguous(memory_format=torch.channels_last)
