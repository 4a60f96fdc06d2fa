"""The networks on the batch queue: split, submit, await, stitch.

picture -> planes (float32) -> tiles -> batch queue -> tiles -> planes -> picture
"""

import asyncio
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from biasfree.artifact import Artifact
from biasfree.card import Card
from biasfree.choice import AUTO, CHOICES, DEFAULT_MODELS, any_noise_options, deciding, for_any_noise
from biasfree.frames import Done, Pass, Passes, PassRequest, Which, advance, choose, denoise_frame, white_of
from biasfree.noise import Measured
from biasfree.pixels import FloatArray, PixelArray, has_empty_channel
from biasfree.tiling import TileGrid, cut, join
from service.denoising.backend import DenoiseResult, ModelSummary, Work
from service.denoising.options import DenoiseOptions
from service.denoising.preparation import Prepared
from service.errors import DeadlineExceeded, InvalidParameter, NotReady, UnknownModel
from service.imaging import Picture
from service.queue.batch_queue import BatchQueue
from service.queue.ledger import BatchRun, TileTooLarge
from service.queue.policy import RECOVERY, Admission
from service.queue.progress import CURRENT

T = TypeVar("T")

#: Number of frames of one stack in float32 at once.
FRAMES_IN_FLIGHT = 4

#: Arrays up to this size are processed in the event loop: 512 x 512 values take 0.1 to 0.4 ms, as long as waking a
#: thread.
ON_LOOP_VALUES = 2**18


@dataclass
class _Run:
    """The state shared by all frames of a request in progress on one model; ``made`` has passes by frame."""

    card: Card
    options: DenoiseOptions
    admission: Admission
    infer_s: float = 0.0
    batches: list[BatchRun] = field(default_factory=list)
    estimates: list[Measured] = field(default_factory=list)
    made: dict[int, Pass] = field(default_factory=dict)


class Networks:
    """The backend of the networks, on a batch queue.

    Args:
        queue: Queue of the device.
        models: The loaded models by name.
        tile_side: Longest side of a tile in pixels.
        timeout_s: Time limit for one picture, including waiting.
        drift: Function that returns why the device's results cannot be trusted, or None if they can.
    """

    def __init__(
        self,
        queue: BatchQueue,
        models: Mapping[str, Artifact],
        *,
        tile_side: int,
        timeout_s: float,
        drift: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._queue, self._models, self._drift = queue, models, drift
        self._tile_side = self._longest_tile_side = tile_side
        self._timeout_s = timeout_s

    @property
    def names(self) -> Sequence[str]:
        """Return the names of the networks."""
        return list(self._models)

    def summaries(self) -> list[ModelSummary]:
        """List the networks."""
        defaults = {name: channels for channels, name in DEFAULT_MODELS.items()}
        return [
            ModelSummary(
                name=name,
                version=model.card.version,
                kind="network",
                sha256=model.sha256,
                channels=model.card.channels,
                default_for_channels=defaults.get(name),
                macs_per_pixel=model.card.macs_per_pixel,
            )
            for name, model in self._models.items()
        ]

    def card(self, name: str) -> tuple[str | None, Card]:
        """Return the SHA-256 of a network's file, and its card."""
        return self._models[name].sha256, self._models[name].card

    def require_room(self) -> None:
        """Refuse a request before doing any work for it.

        Raises:
            QueueFull: Too much work is queued.
            NotReady: The service is shutting down, or its device is lost or computes wrong results.
        """
        if (drift := self._drift()) is not None:
            # An error is better than a wrong result.
            raise NotReady(drift, reason="drift")
        self._queue.require_room()

    def model_for(self, picture: Picture, *, model: str | None) -> Artifact:
        """Return the network for a picture in the requested colors; of a choice, the network for white noise.

        Pictures of a number of channels that no network has are denoised channel by channel, as gray; so are three
        channels that are no colors, because the file says so or one of them is empty.

        Raises:
            UnknownModel: There is no such network.
            InvalidParameter: It does not fit the picture.
        """
        same = picture.layout.equal_channels
        dyes = picture.metadata.gray_channels or has_empty_channel(picture.frames)
        channels = 1 if dyes else picture.channels
        name = model or AUTO
        if name in CHOICES:
            name = CHOICES[name].get(channels, CHOICES[name][1])
        if name not in self._models:
            raise UnknownModel.called(name, [*CHOICES, *self._models])
        card = self._models[name].card
        if card.channels not in {1, picture.channels} and not same:
            hint = "color=rgb to convert it" if picture.channels == 1 else "a gray model, which denoises each channel"
            raise InvalidParameter(
                f"model {name!r} takes {card.channels} channels and the image has {picture.channels}; use {hint}",
                expected=card.channels,
                actual=picture.channels,
            )
        return self._models[name]

    def prepare(self, picture: Picture, options: DenoiseOptions) -> Work:
        """Convert the colors, choose the network, and refuse a picture that cannot be denoised.

        A picture with R = G = B is denoised as gray, so that it stays gray.

        Raises:
            InvalidPixels: A pixel is NaN or infinite.
            InvalidParameter: ``bit_depth`` does not fit the dtype, or the network does not fit the image.
            UnknownModel: There is no such network.
        """
        prepared = Prepared.of(picture, options)
        picture = prepared.picture
        card = self.model_for(picture, model=options.model).card
        return Work(card.name, picture, lambda: self._denoise(prepared, options, card))

    async def end(self) -> None:
        """Finish the accepted work, then stop the device threads."""
        await self._queue.drain()

    async def _denoise(self, prepared: Prepared, options: DenoiseOptions, card: Card) -> DenoiseResult:
        """Denoise a prepared picture; unless a model is named, one of its frames may select another one than ``card``.

        Raises:
            QueueFull: Too much is queued.
            DeadlineExceeded: ``timeout_s`` passed.
            InferenceFailed: The device failed on this picture.
            NotReady: The service is shutting down, or has lost its device.
        """
        picture = prepared.picture
        try:
            async with asyncio.timeout(self._timeout_s):
                run, frames = await self._through(picture, options, card)
        except TimeoutError as exc:
            raise DeadlineExceeded(
                f"the image could not be denoised within {self._timeout_s:g} s: retry later, or send a smaller image",
                limit=self._timeout_s,
            ) from exc
        noise = None
        if run.estimates:
            total = sum(run.estimates[1:], start=run.estimates[0])
            noise = total.noise_of(white=white_of(picture.dtype, options.bit_depth))
        result = prepared.result(frames, options)
        return DenoiseResult(result, self._models[run.card.name].facts, noise, run.infer_s, run.batches)

    async def _through(self, picture: Picture, options: DenoiseOptions, card: Card) -> tuple[_Run, list[PixelArray]]:
        """Denoise every frame by the model of ``card``, or unless one is named by that for the frame that decides."""
        other = for_any_noise(card.name, self._models) if (options.model or AUTO) in CHOICES else None
        if other is None or options.changes_nothing(picture.channels):
            with self._admitted(picture, options, card) as run:
                self._follow(picture, run)
                return run, await self._frames(picture, run)
        any_noise = any_noise_options(options.model, options)
        with (
            self._admitted(picture, any_noise, self._models[other].card) as run,
            self._admitted(picture, options, card, beside=run.admission) as white,
        ):
            # The other model denoises the frame that decides too, once.
            twice = max(1, picture.channels // card.channels) * len(self._grid(picture.frames[0].shape[:2], card))
            self._follow(picture, run, white, more_tiles=twice)
            chosen = await self._chosen(picture, run, white)
            self._queue.forgo((run if chosen is white else white).admission)
            self._follow(picture, chosen, more_tiles=twice)
            return chosen, await self._frames(picture, chosen)

    def _follow(self, picture: Picture, *runs: _Run, more_tiles: int = 0) -> None:
        """Report the progress of a request to those who ask for it; only one of the models makes all passes."""
        if (progress := CURRENT.get()) is not None:
            options, card = runs[-1].options, runs[-1].card
            tiles = self._tiles(picture, options, card)
            tile_px = self._cost_px(picture, options, card) / max(1, tiles)
            progress.expect(tiles + more_tiles)
            admissions = {run.admission for run in runs}
            progress.standing = lambda: self._queue.standing(admissions, most_px=progress.tiles_left * tile_px)

    @contextmanager
    def _admitted(
        self, picture: Picture, options: DenoiseOptions, card: Card, *, beside: Admission | None = None
    ) -> Iterator[_Run]:
        cost_px = self._cost_px(picture, options, card)
        with self._queue.admission(card.name, cost_px, beside=beside) as admission:
            yield _Run(card, options, admission)

    async def _chosen(self, picture: Picture, any_noise: _Run, white: _Run) -> _Run:
        """Choose between the model for any noise and the one for white noise by the frame that decides."""
        runs: dict[Which, _Run] = {"any-noise": any_noise, "white-noise": white}
        values = sum(frame.size for frame in picture.frames)
        index = await _off_loop(values, lambda: deciding(picture.frames))
        frame = picture.frames[index]
        passes = choose(frame, any_noise.options)
        which, done = await self._passes(passes, runs, frame.size)
        chosen = runs[which]
        chosen.made[index] = done
        chosen.infer_s = any_noise.infer_s + white.infer_s
        chosen.batches = any_noise.batches + white.batches
        return chosen

    async def _frames(self, picture: Picture, run: _Run) -> list[PixelArray]:
        """Denoise every frame, a few at a time; if one fails, stop the others."""
        places = asyncio.Semaphore(FRAMES_IN_FLIGHT)

        async def one(frame: PixelArray, done: Pass | None) -> PixelArray:
            async with places:
                return await self._frame(frame, run, done)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(one(frame, run.made.pop(index, None)))
                    for index, frame in enumerate(picture.frames)
                ]
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return [task.result() for task in tasks]

    async def _frame(self, frame: PixelArray, run: _Run, done: Pass | None) -> PixelArray:
        """Denoise one frame (H, W, C) in its dtype."""
        runs: dict[Which, _Run] = {"any-noise": run}
        result = await self._passes(denoise_frame(frame, run.options, done), runs, frame.size)
        if result.measured is not None:
            run.estimates.append(result.measured)
        return result.frame

    async def _passes(self, passes: Passes[T], runs: Mapping[Which, _Run], values: int) -> T:
        """Run passes on the queue, and the steps between them in a thread if the frame is large."""
        step = await _off_loop(values, lambda: advance(passes, None))
        while not isinstance(step, Done):
            denoised = await self._network(step, runs[step.which])
            step = await _off_loop(values, lambda: advance(passes, denoised))  # noqa: B023  # awaited before the next
        return step.value

    async def _network(self, request: PassRequest, run: _Run) -> FloatArray:
        """Denoise an image (C, H, W) tile by tile, with smaller tiles after the device ran out of memory."""
        noisy = request.noisy
        grid = self._grid(noisy.shape[1:], run.card)
        while True:
            try:
                denoised = await self._tiled(noisy, grid, run)
            except TileTooLarge:
                self._tile_side = min(self._tile_side, max(grid.tile_shape) // 2)
                smaller = self._grid(noisy.shape[1:], run.card)
                if smaller.tile_shape == grid.tile_shape:  # nearly all of it is halo
                    raise
                grid = smaller
            else:
                if len(grid) > 1:
                    self._recover()
                return denoised

    def _recover(self) -> None:
        """Increase the tile size a little after a shortage of memory; called after every image that was cut."""
        longer = self._tile_side + math.ceil(self._tile_side * RECOVERY)
        self._tile_side = min(self._longest_tile_side, longer)

    def _grid(self, shape: Sequence[int], card: Card) -> TileGrid:
        height, width = shape
        return TileGrid.of(height, width, side=self._tile_side, radius=card.receptive_radius, stride=card.stride)

    def _cost_px(self, picture: Picture, options: DenoiseOptions, card: Card) -> int:
        """Return the number of pixels in all tiles of a picture, over its frames, planes and passes."""
        grids = (self._grid(frame.shape[:2], card) for frame in picture.frames)
        return _passes(picture, options, card) * sum(grid.tile_pixels for grid in grids)

    def _tiles(self, picture: Picture, options: DenoiseOptions, card: Card) -> int:
        """Return the number of all tiles of a picture, over its frames, planes and passes."""
        grids = (self._grid(frame.shape[:2], card) for frame in picture.frames)
        return _passes(picture, options, card) * sum(map(len, grids))

    async def _tiled(self, noisy: FloatArray, grid: TileGrid, run: _Run) -> FloatArray:
        whole = len(noisy) == run.card.channels and len(grid) == 1
        # A single tile is a view of the image, and the result is a view of that tile.
        views = whole and grid.padded_shape == noisy.shape[1:]
        tiles = await _off_loop(0 if views else noisy.size, lambda: cut(noisy, grid, run.card.channels))
        done = await self._queue.submit(run.admission, tiles)
        run.infer_s += done.infer_s
        run.batches += done.batches
        return await _off_loop(0 if whole else noisy.size, lambda: join(done.tiles, grid, len(noisy)))


def _passes(picture: Picture, options: DenoiseOptions, card: Card) -> int:
    """Return how often the network runs over a frame: for each plane and orientation, and twice with an estimate."""
    if options.changes_nothing(picture.channels):
        return 0
    return options.ensemble * (2 if options.estimate else 1) * max(1, picture.channels // card.channels)


async def _off_loop(values: int, work: Callable[[], T]) -> T:
    """Process an array in a thread, unless it is so small that switching takes longer than the work."""
    return work() if values <= ON_LOOP_VALUES else await asyncio.to_thread(work)
