"""The preparation of an analysis from a picture and the caller's options: the patch, the model, the limits."""

from dataclasses import dataclass

import numpy as np

from biasfree.analysis.report import Patch
from biasfree.analysis.request import DENSE_VALUES, AnalysisRequest, Pixels
from biasfree.artifact import Artifact
from biasfree.frames import white_of
from service.analysis.entry import carry_out
from service.analysis.options import DEFAULT_K, DEFAULT_SIZE, MAX_FILTER_PIXELS, AnalysisOptions
from service.analysis.task import Output, Task
from service.denoising.backend import Backends
from service.denoising.networks import Networks
from service.denoising.preparation import converted, shown
from service.errors import InvalidParameter
from service.imaging import Picture, all_channels, one_channel
from service.sandbox.bulkhead import Bulkhead


@dataclass(frozen=True)
class AnalysisLimits:
    """The limits of an analysis.

    Attributes:
        max_k: Maximum number of singular vectors from each end.
        max_pixels: Maximum number of pixels in the patch of an iterative analysis.
        memory_bytes: Memory limit of a decomposition.
    """

    max_k: int
    max_pixels: int
    memory_bytes: int


class Analyst:
    """An analyzer of pictures behind a bulkhead.

    Args:
        bulkhead: The analysis process.
        backends: All backends, to find the model as for denoising.
        networks: The backend whose models can be analyzed.
        limits: Checked before any work.
        device: ``cpu`` or ``cuda``.
    """

    def __init__(
        self, bulkhead: Bulkhead, backends: Backends, networks: Networks, limits: AnalysisLimits, *, device: str
    ) -> None:
        self.bulkhead, self.limits = bulkhead, limits
        self._backends, self._networks, self._device = backends, networks, device

    def choose(self, picture: Picture, options: AnalysisOptions) -> tuple[Picture, Artifact]:
        """Convert the colors and find the model.

        Raises:
            InvalidPixels: A pixel is NaN or infinite.
            InvalidParameter: The model is not a network or does not fit the image, or there is no such frame.
            UnknownModel: There is no such model.
        """
        if self._backends.of(options.model) is not self._networks:
            raise InvalidParameter(
                f"model {options.model!r} is not a network, and only networks can be analyzed: choose another model",
                actual=options.model,
            )
        picture = one_channel(shown(converted(picture, color=options.color, bit_depth=options.bit_depth)))
        model = self._networks.model_for(picture, model=options.model)
        card = model.card
        if card.channels == 3:
            picture = all_channels(picture)
        if card.channels != picture.channels:
            advice = "use color=gray to convert it" if picture.channels == 3 else "send one of them as a gray image"
            raise InvalidParameter(
                f"model {card.name!r} takes {card.channels} channels and the image has {picture.channels}; {advice}",
                expected=card.channels,
                actual=picture.channels,
            )
        if options.frame >= len(picture.frames):
            raise InvalidParameter(
                f"frame={options.frame} does not exist: the image has {len(picture.frames)} frame(s), counted from 0",
                limit=len(picture.frames) - 1,
                actual=options.frame,
            )
        return picture, model

    def task(
        self,
        picture: Picture,
        clean: Picture | None,
        model: Artifact,
        options: AnalysisOptions,
        *,
        output: Output,
        request_id: str,
    ) -> Task:
        """Prepare the task for the process.

        Args:
            picture: The picture returned by ``choose``.
            clean: The clean picture, converted likewise, if there is one.
            model: The model returned by ``choose``.
            options: The caller's options.
            output: Format of the answer.
            request_id: Request id to include in the answer.

        Raises:
            InvalidParameter: The patch, ``k`` or a pixel is out of bounds, or the clean picture has another size.
        """
        image = _channels_first(picture, options)
        patch = self._patch(image.shape, options)
        self._require_within(patch, image.shape[0], options)
        try:
            request = AnalysisRequest(
                noisy=_cut(image, patch),
                clean=None if clean is None else _cut(_like(image, _channels_first(clean, options)), patch),
                image=image if options.probes else None,
                white=white_of(picture.dtype, options.bit_depth),
                patch=patch,
                k=min(DEFAULT_K, self.limits.max_k, _cut(image, patch).size) if options.k is None else options.k,
                method=options.method,
                pixels=tuple(options.pixels),
                probes=options.probes,
                memory_bytes=self.limits.memory_bytes,
            )
        except ValueError as exc:
            raise InvalidParameter(str(exc)) from exc
        return Task(
            model_path=model.path,
            model_sha256=model.sha256,
            device=self._device,
            request=request,
            output=output,
            facts={"model": model.facts, "request_id": request_id},
        )

    async def analyze(self, task: Task) -> bytes:
        """Run a task and return its answer; errors as in ``Bulkhead.run``."""
        return await self.bulkhead.run(carry_out, task)

    def _patch(self, shape: tuple[int, ...], options: AnalysisOptions) -> Patch:
        """Return the position of the patch, which must lie inside the image."""
        _, height, width = shape
        size = min(DEFAULT_SIZE, height, width) if options.size is None else options.size
        if size > min(height, width):
            raise InvalidParameter(
                f"size={size} is too large for an image of {width} x {height}: use at most {min(height, width)}",
                limit=min(height, width),
                actual=size,
            )
        corner = []
        for name, start, side in (("x", options.x, width), ("y", options.y, height)):
            start = (side - size) // 2 if start is None else start
            if start + size > side:
                raise InvalidParameter(
                    f"a patch of {size} x {size} at {name}={start} extends beyond the image of {width} x {height}: "
                    f"use {name}={side - size} at most",
                    limit=side - size,
                    actual=start,
                )
            corner.append(start)
        return Patch(corner[0], corner[1], size, size)

    def _require_within(self, patch: Patch, channels: int, options: AnalysisOptions) -> None:
        pixels = patch.width * patch.height
        values = channels * pixels
        _require("k", options.k or 1, min(self.limits.max_k, values))
        if options.method == "dense":
            _require(f"the number of values in a dense analysis ({patch.width} x {patch.height})", values, DENSE_VALUES)
        _require("the number of pixels in the patch", pixels, self.limits.max_pixels)
        _require("the number of pixel= parameters", len(options.pixels), MAX_FILTER_PIXELS)
        for x, y in options.pixels:
            if not (0 <= x - patch.x < patch.width and 0 <= y - patch.y < patch.height):
                raise InvalidParameter(
                    f"pixel={x},{y} is outside the patch of {patch.width} x {patch.height} at {patch.x},{patch.y}",
                    limit={"x": [patch.x, patch.x + patch.width - 1], "y": [patch.y, patch.y + patch.height - 1]},
                    actual={"x": x, "y": y},
                )


def _require(name: str, actual: int, limit: int) -> None:
    if actual > limit:
        raise InvalidParameter(f"{name} must be at most {limit}, not {actual}", limit=limit, actual=actual)


def _channels_first(picture: Picture, options: AnalysisOptions) -> Pixels:
    return np.moveaxis(picture.frames[min(options.frame, len(picture.frames) - 1)], -1, 0)


def _cut(image: Pixels, patch: Patch) -> Pixels:
    return image[:, patch.y : patch.y + patch.height, patch.x : patch.x + patch.width]


def _like(image: Pixels, clean: Pixels) -> Pixels:
    if clean.shape != image.shape:
        raise InvalidParameter(
            f"the clean image has {_words(clean)}, but the noisy one has {_words(image)}: they must have the same size",
            expected=list(image.shape),
            actual=list(clean.shape),
        )
    return clean


def _words(image: Pixels) -> str:
    channels, height, width = image.shape
    return f"{width} x {height} pixels and {channels} channel(s)"
