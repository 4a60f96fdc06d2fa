"""The service in one file: split, submit, await, stitch.

picture -> planes (float32) -> tiles -> batch queue -> tiles -> planes -> picture
"""

import asyncio
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain, repeat
from typing import TypeVar

import numpy as np

from biasfree.card import Card
from biasfree.choice import is_correlated, is_white
from biasfree.estimates import STEP, probe
from biasfree.noise import Measured, Noise
from service.errors import DeadlineExceeded, InvalidParameter, UnknownModel
from service.frames import DenoiseOptions, converted, finish, measured, scaled, white_of
from service.imaging import FloatArray, Picture, PixelArray, all_channels, one_channel, with_frames
from service.inference.policy import RECOVERY, Admission
from service.inference.queue import BatchQueue, BatchRun, TileTooLarge
from service.inference.tiling import TileGrid, split, stitch

T = TypeVar("T")

#: Frames of one stack that are in float32 at once.
FRAMES_IN_FLIGHT = 4

#: Models used when the caller names none, by the number of channels: those for white noise.
DEFAULT_MODELS = {1: "gray", 3: "color"}
#: A model of the same name with this ending is for any noise; the image decides between the two.
ANY_NOISE = "-real"
#: A caller may write this instead of naming no model.
AUTO = "auto"

#: Values that are worked on in the event loop: 512 x 512 take 0.1 to 0.4 ms, as long as the way to a thread that slept.
ON_LOOP_VALUES = 2**18


@dataclass(frozen=True)
class DenoiseResult:
    """A denoised picture, the model that made it, and the facts.

    Attributes:
        picture: Same dtype, size and metadata as the input.
        model: The model's name.
        noise: What was found of the noise, where asked for.
        infer_s: Seconds of the device.
        batches: That its tiles were in.
    """

    picture: Picture
    model: str
    noise: Noise | None = None
    infer_s: float = 0.0
    batches: Sequence[BatchRun] = ()


@dataclass
class _Run:
    """One request under way: what all its frames share."""

    card: Card
    options: DenoiseOptions
    admission: Admission
    infer_s: float = 0.0
    batches: list[BatchRun] = field(default_factory=list)
    estimates: list[Measured] = field(default_factory=list)
    first: "_Pass | None" = None


@dataclass(frozen=True)
class _Pass:
    """A frame as the network takes it, what that made of it, and what it was divided by."""

    noisy: FloatArray
    denoised: FloatArray
    scale: float


class Denoiser:
    """Denoises pictures on a batch queue.

    Args:
        queue: The device.
        cards: Card of every loaded model, by name.
        tile_side: Longest side of a tile in pixels.
        timeout_s: Time for one picture, waiting included.
        further: Names that are served elsewhere, for whoever asks for one that does not exist.
    """

    def __init__(
        self,
        queue: BatchQueue,
        cards: Mapping[str, Card],
        *,
        tile_side: int,
        timeout_s: float,
        further: Collection[str] = (),
    ) -> None:
        self._queue, self._cards, self._further = queue, cards, further
        self._tile_side = self._longest_tile_side = tile_side
        self._timeout_s = timeout_s

    def has(self, name: str | None) -> bool:
        """Whether a network of that name is loaded."""
        return name in self._cards

    def card(self, picture: Picture, options: DenoiseOptions) -> Card:
        """The model for a picture; raises ``UnknownModel`` or ``InvalidParameter`` before any work is done."""
        same = picture.layout.equal_channels
        channels = 3 if same and options.color == "rgb" else picture.channels
        name = DEFAULT_MODELS[channels] if options.model in (None, AUTO) else options.model
        if name not in self._cards:
            raise UnknownModel(f"no model is called {name!r}", supported=sorted({*self._cards, *self._further}))
        card = self._cards[name]
        if card.channels > picture.channels and not same:
            raise InvalidParameter(
                f"model {name!r} takes {card.channels} channels and the image has {picture.channels}; "
                "color=rgb converts it",
                expected=card.channels,
                actual=picture.channels,
            )
        return card

    def prepare(self, picture: Picture, options: DenoiseOptions) -> tuple[Picture, Card]:
        """Convert colours, choose the model, and refuse what cannot be denoised.

        A picture with R = G = B is denoised as gray, so that it stays so; ``denoise`` gives it back as it was sent.

        Raises:
            InvalidPixels: A pixel is NaN or infinite.
            InvalidParameter: ``bit_depth`` does not fit the dtype, or the model does not fit the image.
            UnknownModel: There is no such model.
        """
        picture = one_channel(converted(picture, options))
        return picture, self.card(picture, options)

    async def denoise(self, picture: Picture, options: DenoiseOptions, card: Card) -> DenoiseResult:
        """Denoise a picture.

        Args:
            picture: As ``prepare`` gave it.
            options: The caller's choices.
            card: As ``prepare`` gave it. Where the caller named no model, the first frame may choose another.

        Raises:
            QueueFull: Too much is queued.
            DeadlineExceeded: ``timeout_s`` passed.
            InferenceFailed: The device failed on this picture.
            NotReady: The service drains, or has lost its device.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                run, frames = await self._through(picture, options, card)
        except TimeoutError as exc:
            raise DeadlineExceeded(
                f"the image was not denoised within {self._timeout_s:g} s", limit=self._timeout_s
            ) from exc
        noise = None
        if run.estimates:
            total = sum(run.estimates[1:], start=run.estimates[0])
            noise = total.noise_of(white=white_of(picture, options.bit_depth))
        result = all_channels(with_frames(picture, frames))
        return DenoiseResult(result, run.card.name, noise, run.infer_s, run.batches)

    async def _through(self, picture: Picture, options: DenoiseOptions, card: Card) -> tuple[_Run, list[PixelArray]]:
        """Denoise every frame by one model: ``card``'s, or where the caller named none, the one that fits the first."""
        any_noise = self._cards.get(card.name + ANY_NOISE) if options.model in (None, AUTO) else None
        if any_noise is None:
            with self._admitted(picture, options, card) as run:
                return run, await self._frames(picture, run)
        with (
            self._admitted(picture, options, any_noise) as run,
            self._admitted(picture, options, card, beside=run.admission) as white,
        ):
            chosen = await self._chosen(picture.frames[0], run, white)
            self._queue.forgo((run if chosen is white else white).admission)
            return chosen, await self._frames(picture, chosen)

    @contextmanager
    def _admitted(
        self, picture: Picture, options: DenoiseOptions, card: Card, *, beside: Admission | None = None
    ) -> Iterator[_Run]:
        cost_px = self._cost_px(picture, options, card)
        with self._queue.admission(card.name, cost_px, beside=beside) as admission:
            yield _Run(card, options, admission)

    async def _chosen(self, frame: PixelArray, run: _Run, white: _Run) -> _Run:
        """Denoise a frame by the model for any noise, and by that for white noise if it may be white; choose one."""
        one = run.first = await self._pass(frame, run)
        if await _off_loop(frame.size, lambda: is_correlated(one.noisy, one.denoised)):
            return run
        other = replace(one, denoised=await self._network(one.noisy, white))
        white.infer_s = run.infer_s = run.infer_s + white.infer_s
        white.batches = run.batches = run.batches + white.batches
        if not await _off_loop(frame.size, lambda: is_white(one.noisy, one.denoised, other.denoised)):
            return run
        run.first, white.first = None, other
        return white

    async def _frames(self, picture: Picture, run: _Run) -> list[PixelArray]:
        """Every frame, a few at a time; the first that fails ends the others."""
        places = asyncio.Semaphore(FRAMES_IN_FLIGHT)

        async def one(frame: PixelArray, done: _Pass | None) -> PixelArray:
            async with places:
                return await self._frame(frame, run, done)

        try:
            async with asyncio.TaskGroup() as group:
                ready = chain([run.first], repeat(None))
                tasks = [group.create_task(one(*each)) for each in zip(picture.frames, ready, strict=False)]
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return [task.result() for task in tasks]

    async def _pass(self, frame: PixelArray, run: _Run) -> _Pass:
        """One frame (H, W, C) in its dtype through the network."""
        scale, noisy = await _off_loop(frame.size, lambda: scaled(frame, always=run.options.estimate))
        return _Pass(noisy, await self._network(noisy, run), scale)

    async def _frame(self, frame: PixelArray, run: _Run, done: _Pass | None) -> PixelArray:
        """One frame (H, W, C) in its dtype: through the network, unless it was there, and back."""
        size, through = frame.size, done or await self._pass(frame, run)
        scale, noisy, denoised = through.scale, through.noisy, through.denoised
        if run.options.estimate:
            signs = await _off_loop(size, lambda: probe(noisy.shape))
            moved = await _off_loop(size, lambda: noisy + STEP * signs)
            perturbed = await self._network(moved, run)
            passes = (noisy, denoised, perturbed, signs)
            run.estimates.append(await _off_loop(size, lambda: measured(frame, *passes, run.options, scale)))
        return await _off_loop(size, lambda: finish(frame, noisy, denoised, run.options, scale))

    async def _network(self, noisy: FloatArray, run: _Run) -> FloatArray:
        """An image (C, H, W) through the network, tile by tile, in smaller tiles once memory was short."""
        if len(noisy) < run.card.channels:  # R = G = B
            noisy = np.repeat(noisy, run.card.channels, axis=0)
            mean: FloatArray = (await self._network(noisy, run)).mean(axis=0, keepdims=True)
            return mean
        grid = self._grid(noisy.shape[1:], run.card)
        while True:
            try:
                denoised = await self._tiled(noisy, grid, run)
            except TileTooLarge:
                self._tile_side = min(self._tile_side, max(grid.tile_shape) // 2)
                smaller = self._grid(noisy.shape[1:], run.card)
                if smaller.tile_shape == grid.tile_shape:  # all but halo
                    raise
                grid = smaller
            else:
                if len(grid) > 1:
                    self._recover()
                return denoised

    def _recover(self) -> None:
        """Ask again for memory that was short for a while, little by little, after images that were cut."""
        longer = self._tile_side + math.ceil(self._tile_side * RECOVERY)
        self._tile_side = min(self._longest_tile_side, longer)

    def _grid(self, shape: Sequence[int], card: Card) -> TileGrid:
        height, width = shape
        return TileGrid.of(height, width, side=self._tile_side, radius=card.receptive_radius, stride=card.stride)

    def _cost_px(self, picture: Picture, options: DenoiseOptions, card: Card) -> int:
        """Pixels of all tiles of a picture, over its frames, planes and passes."""
        passes = 2 if options.estimate else 1
        grids = (self._grid(frame.shape[:2], card) for frame in picture.frames)
        planes = max(1, picture.channels // card.channels)
        return passes * planes * sum(grid.tile_pixels for grid in grids)

    async def _tiled(self, noisy: FloatArray, grid: TileGrid, run: _Run) -> FloatArray:
        whole = len(noisy) == run.card.channels and len(grid) == 1
        # A single tile is the image itself, and is put together by looking at it.
        views = whole and grid.padded_shape == noisy.shape[1:]
        tiles = await _off_loop(0 if views else noisy.size, lambda: _cut(noisy, grid, run.card.channels))
        done = await self._queue.submit(run.admission, tiles)
        run.infer_s += done.infer_s
        run.batches += done.batches
        return await _off_loop(0 if whole else noisy.size, lambda: _join(done.tiles, grid))


async def _off_loop(values: int, work: Callable[[], T]) -> T:
    """Work on an array: in a thread, unless it is so small that the way there takes longer than the work."""
    return work() if values <= ON_LOOP_VALUES else await asyncio.to_thread(work)


def _cut(noisy: FloatArray, grid: TileGrid, channels: int) -> list[FloatArray]:
    """The tiles of an image; a one-channel model takes every channel as an image of its own."""
    return [tile for plane in np.split(noisy, len(noisy) // channels) for tile in split(plane, grid)]


def _join(tiles: list[FloatArray], grid: TileGrid) -> FloatArray:
    """What ``_cut`` took apart."""
    count = len(grid)
    planes = [stitch(tiles[first : first + count], grid) for first in range(0, len(tiles), count)]
    return planes[0] if len(planes) == 1 else np.concatenate(planes)
