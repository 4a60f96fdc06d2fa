"""The classical denoisers, served to compare with: one image at a time, in a process beside the device.

They run behind a bulkhead as the analyses do: killable, bounded in memory and number, and at low priority, so that they
take from ``/denoise`` of the networks what is idle and little more.
"""

import asyncio
from collections.abc import Collection, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
from pydantic import BaseModel, Field

from biasfree import classical
from biasfree.classical.work import ClassicalTask, carry_out
from biasfree.frames import finish, scaled, white_of
from biasfree.noise import Noise, digits
from biasfree.pixels import FloatArray, PixelArray
from service.denoising.backend import DenoiseResult, ModelSummary, Work
from service.denoising.options import DenoiseOptions, converted
from service.errors import ImageTooLarge
from service.imaging import Picture, all_channels, one_channel, with_frames
from service.sandbox.bulkhead import Bulkhead

#: Of every method; raised when one of them gives other results.
VERSION = "1"
#: Distributions that the results depend on.
LIBRARIES = ("numpy", "pywavelets", "scikit-image", "scipy")


class ClassicalCard(BaseModel):
    """What a classical denoiser is."""

    name: str
    version: str
    method: str = Field(description="What it does, in words.")
    reference: str = Field(description="Where it was published.")
    noise_level: str = Field(description="Where it takes the noise level from.")
    channels: str
    libraries: dict[str, str]


class ClassicalModels:
    """The classical methods, in a process beside the device: a backend.

    Args:
        bulkhead: The process.
        max_pixels: Largest picture, over all its frames.
        taken: Names that are taken by others.
    """

    def __init__(self, bulkhead: Bulkhead, *, max_pixels: int, taken: Collection[str] = ()) -> None:
        self.bulkhead, self._max_pixels = bulkhead, max_pixels
        self._names = [name for name in classical.METHODS if classical.available() and name not in taken]

    @property
    def names(self) -> Sequence[str]:
        """Names of the methods; none where the extra is not installed."""
        return self._names

    def summaries(self) -> list[ModelSummary]:
        """List the methods."""
        return [
            ModelSummary(
                name=name,
                version=VERSION,
                kind="classical",
                sha256=None,
                channels=None,
                default_for_channels=None,
                macs_per_pixel=None,
            )
            for name in self._names
        ]

    def card(self, name: str) -> tuple[str | None, ClassicalCard]:
        """Return the card of a method, which has no file."""
        return None, _card(name)

    def require_room(self) -> None:
        """Refuse a request before anything is done for it.

        Raises:
            QueueFull: Too much is waiting.
        """
        self.bulkhead.require_room()

    def prepare(self, picture: Picture, options: DenoiseOptions) -> Work:
        """Convert colors, and refuse what cannot be denoised.

        Raises:
            InvalidPixels: A pixel is NaN or infinite.
            InvalidParameter: ``bit_depth`` does not fit the dtype.
            ImageTooLarge: It has more pixels than these methods take.
        """
        name = options.model
        assert name is not None  # the registry found this backend by it
        if picture.pixels > self._max_pixels:
            raise ImageTooLarge(
                f"at most {self._max_pixels} pixels over all frames are accepted by {name}, got {picture.pixels}",
                limit=self._max_pixels,
                actual=picture.pixels,
            )
        picture = one_channel(converted(picture, color=options.color, bit_depth=options.bit_depth))
        return Work(name, picture, lambda: self._denoise(picture, options, name))

    async def end(self) -> None:
        """End the process."""
        await self.bulkhead.end()

    async def _denoise(self, picture: Picture, options: DenoiseOptions, name: str) -> DenoiseResult:
        """Denoise a prepared picture; cancelling it ends the process. Errors as ``Bulkhead.run``."""
        frames = await asyncio.to_thread(lambda: [scaled(frame, always=False) for frame in picture.frames])
        task = ClassicalTask(name, [noisy for _, noisy in frames], levels=options.estimate)
        done = await self.bulkhead.run(carry_out, task)

        def finished() -> list[PixelArray]:
            pairs = zip(picture.frames, frames, done.denoised, strict=True)
            return [finish(frame, noisy, denoised, options, scale) for frame, (scale, noisy), denoised in pairs]

        noise = _noise(_sigma_255(picture, frames, done.levels, options)) if options.estimate else None
        result = all_channels(with_frames(picture, await asyncio.to_thread(finished)))
        return DenoiseResult(result, {"name": name, "version": VERSION}, noise, infer_s=done.seconds)


def _sigma_255(
    picture: Picture, frames: list[tuple[float, FloatArray]], levels: list[float], options: DenoiseOptions
) -> float:
    """The level that the method went by, over all frames; their sizes are their weights."""
    squares = [(scale * level) ** 2 for (scale, _), level in zip(frames, levels, strict=True)]
    sigma = np.sqrt(np.average(squares, weights=[noisy.size for _, noisy in frames]))
    return float(sigma / white_of(picture.dtype, options.bit_depth) * 255)


def _noise(level: float) -> Noise:
    """Only the level is known, from the image alone."""
    description = f"noise of unknown kind, level {digits(level)}"
    withheld = "classical denoisers estimate no PSNR"
    return Noise("unknown", level, description=description, psnr_withheld=withheld)


def _card(name: str) -> ClassicalCard:
    method = classical.METHODS[name]
    facts: dict[str, Any] = {"method": method.title, "reference": method.reference}
    return ClassicalCard(
        name=name,
        version=VERSION,
        noise_level="median absolute deviation of the finest diagonal wavelet band",
        channels="gray or RGB, all at once" if method.joint else "gray or RGB, by planes of an opponent transform",
        libraries={library: version(library) for library in LIBRARIES},
        **facts,
    )
