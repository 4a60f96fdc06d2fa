"""The classical denoisers as a service, for comparison: one image at a time, in a process beside the device.

Like the analyses they run behind a bulkhead: they can be killed, are bounded in memory and number, and have a low
priority. So they take hardly more than idle time from the networks.
"""

import asyncio
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
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
from service.denoising.options import DenoiseOptions
from service.denoising.preparation import Prepared
from service.errors import ImageTooLarge, InvalidParameter
from service.imaging import Picture
from service.queue.progress import CURRENT, Standing
from service.sandbox.bulkhead import Bulkhead

#: Version of every method; increased when the results of one of them change.
VERSION = "1"
#: Distributions on which the results depend.
LIBRARIES = ("numpy", "pywavelets", "scikit-image", "scipy")


class ClassicalCard(BaseModel):
    """The model card of a classical denoiser."""

    name: str
    version: str
    method: str = Field(description="Description of the method.")
    reference: str = Field(description="Publication.")
    noise_level: str = Field(description="How it estimates the noise level.")
    channels: str
    libraries: dict[str, str]


class ClassicalModels:
    """The backend of the classical methods, in a process beside the device.

    Args:
        bulkhead: The process.
        max_pixels: Maximum number of pixels of a picture, over all its frames.
        taken: Names used by other backends.
    """

    def __init__(self, bulkhead: Bulkhead, *, max_pixels: int, taken: Collection[str] = ()) -> None:
        self.bulkhead, self._max_pixels = bulkhead, max_pixels
        self._line: list[object] = []
        self._names = [name for name in classical.METHODS if classical.available() and name not in taken]

    @property
    def names(self) -> Sequence[str]:
        """Return the names of the methods; none if the extra is not installed."""
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
        """Refuse a request before doing any work for it.

        Raises:
            QueueFull: Too much work is waiting.
        """
        self.bulkhead.require_room()

    def prepare(self, picture: Picture, options: DenoiseOptions) -> Work:
        """Convert the colors, and refuse a picture that cannot be denoised.

        Raises:
            InvalidPixels: A pixel is NaN or infinite.
            InvalidParameter: ``bit_depth`` does not fit the dtype, or an ensemble is requested.
            ImageTooLarge: The picture has more pixels than these methods accept.
        """
        name = options.model
        assert name is not None  # the registry found this backend by it
        if options.ensemble != 1:
            raise InvalidParameter(
                f"ensemble is for networks only, and {name} is none: omit it", expected=1, actual=options.ensemble
            )
        if picture.pixels > self._max_pixels:
            raise ImageTooLarge(
                f"the image has {picture.pixels} pixels; {name} accepts at most {self._max_pixels} over all frames",
                limit=self._max_pixels,
                actual=picture.pixels,
            )
        prepared = Prepared.of(picture, options)
        picture = prepared.picture
        return Work(name, picture, lambda: self._denoise(prepared, options, name))

    @contextmanager
    def _in_line(self) -> Iterator[None]:
        """Report the place of a request; the process takes one after the other, in the order of their arrival."""
        entry = object()
        self._line.append(entry)
        if (progress := CURRENT.get()) is not None:
            progress.expect(1)
            progress.standing = lambda: self._standing(entry)
        try:
            yield
        finally:
            self._line.remove(entry)

    def _standing(self, entry: object) -> Standing:
        if entry not in self._line:  # it is done, and being encoded
            return Standing(running=True)
        place = self._line.index(entry)
        return Standing(place=place or None, running=place == 0)

    async def end(self) -> None:
        """Stop the process."""
        await self.bulkhead.end()

    async def _denoise(self, prepared: Prepared, options: DenoiseOptions, name: str) -> DenoiseResult:
        """Denoise a prepared picture; canceling it stops the process. Errors as in ``Bulkhead.run``."""
        picture = prepared.picture
        facts = {"name": name, "version": VERSION}
        if options.changes_nothing(picture.channels):
            return DenoiseResult(prepared.result(picture.frames, options), facts)
        frames = await asyncio.to_thread(lambda: [scaled(frame, always=False) for frame in picture.frames])
        task = ClassicalTask(name, [noisy for _, noisy in frames], levels=options.estimate)
        with self._in_line():
            done = await self.bulkhead.run(carry_out, task)
            _count()

        def finished() -> list[PixelArray]:
            pairs = zip(picture.frames, frames, done.denoised, strict=True)
            return [finish(frame, noisy, denoised, options, scale) for frame, (scale, noisy), denoised in pairs]

        noise = _noise(_sigma_255(picture, frames, done.levels, options)) if options.estimate else None
        result = prepared.result(await asyncio.to_thread(finished), options)
        return DenoiseResult(result, facts, noise, infer_s=done.seconds)


def _count() -> None:
    if (progress := CURRENT.get()) is not None:
        progress.done()


def _sigma_255(
    picture: Picture, frames: list[tuple[float, FloatArray]], levels: list[float], options: DenoiseOptions
) -> float:
    """Return the noise level assumed by the method: the root mean square over frames, weighted by size."""
    squares = [(scale * level) ** 2 for (scale, _), level in zip(frames, levels, strict=True)]
    sigma = np.sqrt(np.average(squares, weights=[noisy.size for _, noisy in frames]))
    return float(sigma / white_of(picture.dtype, options.bit_depth) * 255)


def _noise(level: float) -> Noise:
    """Describe the noise; only its level is known, estimated from the image alone."""
    description = f"noise of unknown kind, level {digits(level)}"
    withheld = "classical denoisers do not estimate the PSNR"
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
