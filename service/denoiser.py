"""The service in one file: split, submit, await, stitch.

picture -> planes (float32) -> tiles -> batch queue -> tiles -> planes -> picture
"""

import asyncio
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import numpy as np

from biasfree.card import Card
from biasfree.estimates import STEP, Estimate, probe
from biasfree.intensity import power_of_two_scale
from service.errors import DeadlineExceeded, InvalidParameter, UnknownModel
from service.imaging import (
    FloatArray,
    Picture,
    PixelArray,
    from_float,
    intensity_range,
    require_finite,
    to_float,
    to_gray,
    to_rgb,
    with_frames,
)
from service.inference.policy import RECOVERY, Admission
from service.inference.queue import BatchQueue, BatchRun, TileTooLarge
from service.inference.tiling import TileGrid, split, stitch

T = TypeVar("T")

#: Frames of one stack that are in float32 at once.
FRAMES_IN_FLIGHT = 4

#: Models used when the caller names none, by the number of channels.
DEFAULT_MODELS = {1: "gray", 3: "color"}

#: Scales that leave float32 room on both sides for everything a network computes.
NEAR_ONE = (2.0**-32, 2.0**32)

#: Values that are worked on in the event loop: 512 x 512 take 0.1 to 0.4 ms, as long as the way to a thread that slept.
ON_LOOP_VALUES = 2**18

#: White of floating-point images, where no bit depth is given: the convention of every imaging library.
FLOAT_WHITE = 1.0


@dataclass(frozen=True)
class DenoiseOptions:
    """What the caller may choose.

    Attributes:
        model: Name of a model; None for the default of the image's channels.
        color: ``gray`` and ``rgb`` convert the image first; ``auto`` leaves it.
        strength: 0 gives the input back, 1 the network's output, between them a blend.
        output: The denoised image, or the residual that was taken away (integers: around the middle of their range).
        estimate: Estimate noise level and PSNR, for one extra pass.
        bit_depth: Significant bits of the image: where integers are clipped, and what white is for the estimates.
    """

    model: str | None = None
    color: Literal["auto", "gray", "rgb"] = "auto"
    strength: float = 1.0
    output: Literal["image", "residual"] = "image"
    estimate: bool = False
    bit_depth: int | None = None


@dataclass(frozen=True)
class DenoiseResult:
    """A denoised picture, the model that made it, and the facts.

    Attributes:
        picture: Same dtype, size and metadata as the input.
        model: The model's name.
        sigma_255: Estimated noise level on the 0-255 scale, where asked for.
        psnr_db: Estimated PSNR of the picture in dB, where asked for and estimable.
        infer_s: Seconds of the device.
        batches: That its tiles were in.
    """

    picture: Picture
    model: str
    sigma_255: float | None = None
    psnr_db: float | None = None
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
    estimates: list[Estimate] = field(default_factory=list)


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
        name = options.model or DEFAULT_MODELS[picture.channels]
        if name not in self._cards:
            raise UnknownModel(f"no model is called {name!r}", supported=sorted({*self._cards, *self._further}))
        card = self._cards[name]
        if card.channels > picture.channels:
            raise InvalidParameter(
                f"model {name!r} takes {card.channels} channels and the image has {picture.channels}; "
                "color=rgb converts it",
                expected=card.channels,
                actual=picture.channels,
            )
        return card

    def prepare(self, picture: Picture, options: DenoiseOptions) -> tuple[Picture, Card]:
        """Convert colours, choose the model, and refuse what cannot be denoised.

        Raises:
            InvalidPixels: A pixel is NaN or infinite.
            InvalidParameter: ``bit_depth`` does not fit the dtype, or the model does not fit the image.
            UnknownModel: There is no such model.
        """
        picture = converted(picture, options)
        return picture, self.card(picture, options)

    async def denoise(self, picture: Picture, options: DenoiseOptions, card: Card) -> DenoiseResult:
        """Denoise a picture.

        Args:
            picture: As ``prepare`` gave it.
            options: The caller's choices.
            card: As ``prepare`` gave it.

        Raises:
            QueueFull: Too much is queued.
            DeadlineExceeded: ``timeout_s`` passed.
            InferenceFailed: The device failed on this picture.
            NotReady: The service drains, or has lost its device.
        """
        try:
            with self._queue.admission(card.name, self._cost_px(picture, options, card)) as admission:
                run = _Run(card, options, admission)
                async with asyncio.timeout(self._timeout_s):
                    frames = await self._frames(picture, run)
        except TimeoutError as exc:
            raise DeadlineExceeded(
                f"the image was not denoised within {self._timeout_s:g} s", limit=self._timeout_s
            ) from exc
        sigma_255 = psnr_db = None
        if run.estimates:
            white = white_of(picture, options.bit_depth)
            total = sum(run.estimates[1:], start=run.estimates[0])
            sigma_255 = total.sigma_255(white=white)
            psnr_db = total.psnr_db(white=white, strength=options.strength)
        return DenoiseResult(with_frames(picture, frames), card.name, sigma_255, psnr_db, run.infer_s, run.batches)

    async def _frames(self, picture: Picture, run: _Run) -> list[PixelArray]:
        """Every frame, a few at a time; the first that fails ends the others."""
        places = asyncio.Semaphore(FRAMES_IN_FLIGHT)

        async def one(frame: PixelArray) -> PixelArray:
            async with places:
                return await self._frame(frame, run)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(frame)) for frame in picture.frames]
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return [task.result() for task in tasks]

    async def _frame(self, frame: PixelArray, run: _Run) -> PixelArray:
        """One frame (H, W, C) in its dtype: through the network and back."""
        size = frame.size
        scale, noisy = await _off_loop(size, lambda: scaled(frame, always=run.options.estimate))
        denoised = await self._network(noisy, run)
        if run.options.estimate:
            signs = await _off_loop(size, lambda: probe(noisy.shape))
            moved = await _off_loop(size, lambda: noisy + STEP * signs)
            perturbed = await self._network(moved, run)
            run.estimates.append(
                await _off_loop(size, lambda: Estimate.of(noisy, denoised, perturbed, signs, scale=scale))
            )
        return await _off_loop(size, lambda: finish(frame, noisy, denoised, run.options, scale))

    async def _network(self, noisy: FloatArray, run: _Run) -> FloatArray:
        """An image (C, H, W) through the network, tile by tile, in smaller tiles once memory was short."""
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
        return passes * (picture.channels // card.channels) * sum(grid.tile_pixels for grid in grids)

    async def _tiled(self, noisy: FloatArray, grid: TileGrid, run: _Run) -> FloatArray:
        whole = len(noisy) == run.card.channels and len(grid) == 1
        # A single tile is the image itself, and is put together by looking at it.
        views = whole and grid.padded_shape == noisy.shape[1:]
        tiles = await _off_loop(0 if views else noisy.size, lambda: _cut(noisy, grid, run.card.channels))
        done = await self._queue.submit(run.admission, tiles)
        run.infer_s += done.infer_s
        run.batches += done.batches
        return await _off_loop(0 if whole else noisy.size, lambda: _join(done.tiles, grid))


def converted(picture: Picture, options: DenoiseOptions) -> Picture:
    """A picture in the colours asked for; raises ``InvalidPixels``, or ``InvalidParameter`` for its ``bit_depth``."""
    require_finite(picture)
    if options.color == "gray":
        picture = to_gray(picture)
    elif options.color == "rgb":
        picture = to_rgb(picture)
    if options.bit_depth is not None and picture.dtype.kind in "iu":
        intensity_range(picture.dtype, options.bit_depth)
    return picture


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


def scaled(frame: PixelArray, *, always: bool) -> tuple[float, FloatArray]:
    """A frame (H, W, C) as a network takes it, (C, H, W) float32, and what it was divided by."""
    scale = _scale(frame, always=always)
    return scale, to_float(frame, scale=scale)


def _scale(frame: PixelArray, *, always: bool) -> float:
    """What the network's input is divided by: a power of two near the largest absolute intensity, or 1.

    Powers of two change no bit of the result but the exponent, so that they are needed only far from 1, where float32
    ends, and ``always`` for the estimates, whose step is relative to 1.
    """
    if frame.dtype.kind in "iu" and not always:
        return 1.0
    scale = power_of_two_scale(max(abs(float(frame.min())), abs(float(frame.max()))))
    return 1.0 if NEAR_ONE[0] <= scale <= NEAR_ONE[1] and not always else scale


def finish(
    frame: PixelArray, noisy: FloatArray, denoised: FloatArray, options: DenoiseOptions, scale: float
) -> PixelArray:
    """Blend arrays (C, H, W), take the residual if asked for, and go back to the frame's dtype and (H, W, C)."""
    image = denoised
    if options.strength != 1:
        image = noisy + np.float32(options.strength) * (denoised - noisy)
    if options.output == "residual":
        image = noisy - image + np.float32(_middle(frame, options) / scale)
    return from_float(image, frame.dtype, scale=scale, bit_depth=_integer_bits(frame, options))


def _middle(frame: PixelArray, options: DenoiseOptions) -> float:
    """What stands for zero in a residual: the middle of an unsigned range (128 of 8 bits), 0 for signed and floats."""
    if frame.dtype.kind != "u":
        return 0.0
    return float((intensity_range(frame.dtype, options.bit_depth)[1] + 1) // 2)


def _integer_bits(frame: PixelArray, options: DenoiseOptions) -> int | None:
    """Where to clip; signed data is clipped to its type only, its sign says nothing of the sensor's bits."""
    return options.bit_depth if frame.dtype.kind == "u" else None


def white_of(picture: Picture, bit_depth: int | None) -> float:
    """The intensity that stands for 255."""
    if bit_depth is not None:
        return float(2**bit_depth - 1)
    if picture.dtype.kind in "iu":
        return float(intensity_range(picture.dtype)[1])
    return FLOAT_WHITE
