"""The Python interface to the networks: load a model, denoise, estimate the noise, analyze.

It takes and returns NumPy arrays, with the conventions of scikit-image's restoration functions, and Pillow images. The
service runs the same functions on a queue and gives the same results.
"""

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.util import find_spec
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

import numpy as np
from pydantic import ValidationError

from biasfree.artifact import SHIPPED, Artifact, ArtifactError
from biasfree.card import Card
from biasfree.choice import ANY_NOISE, AUTO, CHOICES, any_noise_options, deciding, for_any_noise
from biasfree.engines.engine import DeviceUnavailable
from biasfree.frames import FrameResult, Pass, choose, denoise_frame, run, white_of
from biasfree.noise import Noise
from biasfree.options import DenoiseOptions, EnsembleSize, suggestion, what_is_wrong
from biasfree.pixels import FloatArray, PixelArray, has_empty_channel, intensity_range
from biasfree.stack import Stack, is_pillow, shown_colors_of, through_array
from biasfree.tiling import TileGrid, cut, join, round_up

if TYPE_CHECKING:
    from PIL import Image

    from biasfree.analysis.report import Report
    from biasfree.analysis.request import Method
    from biasfree.engines.engine import Engine

Output = Literal["image", "residual"]
ImageT = TypeVar("ImageT")

_AXES = ("channel_axis", "stack_axis")
#: Longest side of a tile, pixels: larger tiles are a little faster and take more memory (1.2 GB at this side).
TILE_SIDE = 2304


def models() -> list[str]:
    """List the names of the shipped models."""
    return sorted(path.stem for path in SHIPPED.glob("*.onnx"))


def load(
    model: str | Path = AUTO,
    *,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    threads: int | None = None,
    tile_side: int = TILE_SIDE,
) -> "Model":
    """Load a model.

    Args:
        model: Name of a shipped model (``models()``), path of an ``.onnx`` file, ``auto`` to choose between the
            default models for each image, ``best``, which does so with the best ones for white noise, at four times
            the work, or ``fast`` for the fast model of the image's kind, at a quarter of the work.
        device: ``cuda``, ``cpu``, or ``auto`` for CUDA if it works.
        threads: Threads on the CPU; None for one per core.
        tile_side: Longest side of a tile in pixels; smaller tiles take less memory.

    Raises:
        ValueError: There is no such model, or the file is not a model.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise ValueError(f"there is no device {device!r}: use auto, cpu or cuda")
    _require_whole("tile_side", tile_side)
    if threads is not None:
        _require_whole("threads", threads)
    white = CHOICES.get(str(model))
    if white is None:
        paths = [_path(model)]
    else:
        shipped = models()
        pairs = ((name, for_any_noise(name, shipped)) for name in white.values())
        paths = [SHIPPED / f"{name}.onnx" for pair in pairs for name in pair if name in shipped]
    artifacts = [Artifact.load(path) for path in paths]
    networks = {each.card.name: _Network(each, device, threads, tile_side) for each in artifacts}
    return Model(networks, choice=str(model) if white else None)


class Model:
    """One network, or several with an automatic choice for each image. Created by ``load``.

    Args:
        networks: The networks by name.
        choice: ``auto``, ``best`` or ``fast``; None for a single network.
    """

    def __init__(self, networks: Mapping[str, "_Network"], *, choice: str | None = None) -> None:
        self._networks, self._choice = networks, choice

    def __repr__(self) -> str:
        """Name the networks."""
        names = ", ".join(self._networks)
        return f"<biasfree.Model {names}>" if self._choice is None else f"<biasfree.Model {self._choice}: {names}>"

    @property
    def cards(self) -> dict[str, Card]:
        """Return the cards of the networks, by name."""
        return {name: network.card for name, network in self._networks.items()}

    @property
    def card(self) -> Card:
        """Return the model's card: architecture, training, measured quality.

        Raises:
            ValueError: The model is ``auto``, ``best`` or ``fast``, which consist of several networks.
        """
        if self._choice is not None:
            raise ValueError(
                f"{self._choice!r} has several networks ({', '.join(self._networks)}): see .cards, or load one by name"
            )
        return next(iter(self.cards.values()))

    @property
    def halo(self) -> int:
        """Return the overlap needed when you cut tiles yourself, in pixels; a multiple of ``stride``."""
        return max(round_up(card.receptive_radius, card.stride) for card in self.cards.values())

    @property
    def stride(self) -> int:
        """Return the multiple at which your own tiles must begin to give the same result as the whole image."""
        return math.lcm(*(card.stride for card in self.cards.values()))

    @overload
    def denoise(
        self,
        image: PixelArray,
        *,
        channel_axis: int | None = None,
        stack_axis: int | None = None,
        strength: float = 1,
        chroma_strength: float | None = None,
        output: Output = "image",
        bit_depth: int | None = None,
        ensemble: EnsembleSize = 1,
    ) -> PixelArray: ...
    @overload
    def denoise(
        self,
        image: "Image.Image",
        *,
        strength: float = 1,
        chroma_strength: float | None = None,
        output: Output = "image",
        bit_depth: int | None = None,
        ensemble: EnsembleSize = 1,
    ) -> "Image.Image": ...
    def denoise(
        self, image: Any, *, channel_axis: int | None = None, stack_axis: int | None = None, **options: Any
    ) -> Any:
        """Remove noise of any kind and level.

        Args:
            image: Array (H, W) of integers or floats of any range, with a channel axis and a stack axis if they are
                named; or a Pillow image of mode L, LA, I;16, F, RGB or RGBA, whose alpha is kept. Three channels are
                treated as RGB, any other number as gray images, all by one network. An image with R = G = B stays gray.
            channel_axis: Channel axis; None for gray.
            stack_axis: Axis of a stack of images, which are denoised one by one.
            options: ``strength`` and ``chroma_strength`` in [0, 1] blend input and output, for luminance and color
                differences (default 1); ``output`` is ``image`` or ``residual``; ``bit_depth`` is the number of
                significant bits of integers; ``ensemble`` (1, 2, 4, 8) is the number of orientations of the image whose
                results are averaged, for a better result that takes as many times longer.

        Returns:
            An array of the same shape and dtype, or a Pillow image of the same mode. Integers are rounded to nearest
            and clipped; floats are not clipped.

        Raises:
            ValueError: A pixel is NaN or infinite, an option is invalid, or the axes do not fit the array.
            TypeError: The pixels are neither integers nor floats.
            EngineError: The device is not available (``DeviceUnavailable``), has too little memory, or failed. These
                exceptions are in ``biasfree.engines.engine``.
        """
        chosen = _options(options)
        if is_pillow(image):
            _require_no_axes(channel_axis, stack_axis)
            return through_array(
                image,
                lambda array, axis: self._denoised(array, axis, None, chosen),
                hidden_kept=chosen.output == "image",
            )
        return self._denoised(image, channel_axis, stack_axis, chosen)

    def estimate(
        self,
        image: "PixelArray | Image.Image",
        *,
        channel_axis: int | None = None,
        stack_axis: int | None = None,
        bit_depth: int | None = None,
    ) -> Noise:
        """Estimate the noise of an image: its level and kind, and the PSNR after denoising if that can be estimated.

        This takes two passes. Arguments and errors are those of ``denoise``. White is the largest integer of the dtype
        or of ``bit_depth``, and 1 for floats without a ``bit_depth``: name 8 for floats from 0 to 255.
        """
        options = _options({"bit_depth": bit_depth}).model_copy(update={"estimate": True})
        stack = _stack(image, channel_axis, stack_axis)
        measured = [each for result in self._results(stack, options) if (each := result.measured) is not None]
        noise: Noise = sum(measured[1:], start=measured[0]).noise_of(white=white_of(stack.frames[0].dtype, bit_depth))
        return noise

    def analyze(
        self,
        patch: "PixelArray | Image.Image",
        *,
        channel_axis: int | None = None,
        clean: "PixelArray | Image.Image | None" = None,
        k: int = 8,
        method: "Method" = "auto",
        pixels: Sequence[tuple[int, int]] = (),
        bit_depth: int | None = None,
        memory_bytes: int = 2**30,
    ) -> "Report":
        """Decompose the network's Jacobian at a patch. Requires torch (the extra ``analysis``), which is loaded here.

        ``auto`` analyzes the network for white noise, ``gray`` or ``color``.

        Args:
            patch: (H, W), or with ``channel_axis`` the same number of channels as the network; or a Pillow image.
                40 x 40 takes seconds.
            channel_axis: Channel axis; None for gray.
            clean: The patch without noise, of the same shape, if known.
            k: Number of singular vectors from each end of the spectrum.
            method: ``dense`` for the whole spectrum, ``iterative`` for its largest k, ``auto`` for dense up to 4096
                values.
            pixels: (x, y) of equivalent filters; by default the middle of the patch.
            bit_depth: Significant bits of integers.
            memory_bytes: Limit on the memory of the decomposition.

        Returns:
            Numbers and arrays, explained in docs/analysis.md. ``biasfree.analysis.figure.figure`` draws them.

        Raises:
            ValueError: The patch does not fit the network, or an option is invalid.
            DeviceUnavailable: The model was loaded with ``device="cuda"``, and torch cannot use CUDA.
            ModuleNotFoundError: torch is not installed.
        """
        if find_spec("torch") is None:
            raise ModuleNotFoundError("the analysis requires torch: pip install 'biasfree[analysis]'")
        from biasfree import rebuild
        from biasfree.analysis.analyze import analyze
        from biasfree.analysis.report import Patch
        from biasfree.analysis.request import AnalysisRequest

        for name, value in (("k", k), ("memory_bytes", memory_bytes)):
            _require_whole(name, value)
        _options({"bit_depth": bit_depth})
        stack = _stack(patch, channel_axis)
        network = self._for_white_noise(stack.channels)
        noisy = _planes(stack, network.card)
        _require_depth(noisy.dtype, bit_depth)
        request = AnalysisRequest(
            noisy,
            Patch(0, 0, noisy.shape[2], noisy.shape[1]),
            white_of(noisy.dtype, bit_depth),
            k=min(k, noisy.size),
            method=method,
            pixels=tuple(pixels),
            clean=None if clean is None else _planes(_stack(clean, channel_axis), network.card),
            memory_bytes=memory_bytes,
        )
        return analyze(rebuild.network(network.artifact).to(network.torch_device), request)

    def _denoised(
        self, image: PixelArray, channel_axis: int | None, stack_axis: int | None, options: DenoiseOptions
    ) -> PixelArray:
        stack = Stack.of(image, channel_axis, stack_axis)
        return stack.like_input([result.frame for result in self._results(stack, options)])

    def _results(self, stack: "Stack", options: DenoiseOptions) -> list[FrameResult]:
        """Denoise every frame by the same network."""
        _require_depth(stack.frames[0].dtype, options.bit_depth)
        decisive = deciding(stack.frames)
        network, done = self._chosen(stack, decisive, options)
        if network.card.name.endswith(ANY_NOISE):
            options = any_noise_options(self._choice, options)
        made = {decisive: done}
        del done  # each frame's arrays are freed after it
        return [
            run(denoise_frame(frame, options, made.pop(index, None)), lambda request: network(request.noisy))
            for index, frame in enumerate(stack.frames)
        ]

    def _for_white_noise(self, channels: int) -> "_Network":
        """Return the single network, or that of the choice for white noise."""
        if self._choice is None:
            return next(iter(self._networks.values()))
        return self._networks[CHOICES[self._choice][3 if channels == 3 else 1]]

    def _chosen(self, stack: "Stack", decisive: int, options: DenoiseOptions) -> tuple["_Network", Pass | None]:
        """Return the network for a stack and, if frame ``decisive`` had to decide, that frame's first pass."""
        if self._choice is None:
            network = self._for_white_noise(stack.channels)
            if network.card.channels not in {1, stack.channels} and not stack.equal_channels:
                named = "" if stack.channeled else ", or name the channel_axis of an array with colors"
                raise ValueError(
                    f"model {network.card.name!r} takes {network.card.channels} channels and the image has "
                    f"{stack.channels}: use a gray model{named}"
                )
            return network, None
        white = self._for_white_noise(1 if has_empty_channel(stack.frames) else stack.channels)
        other = for_any_noise(white.card.name, self._networks)
        if other is None or options.changes_nothing(stack.channels):
            return white, None
        by_name = {"any-noise": self._networks[other], "white-noise": white}
        passes = choose(stack.frames[decisive], options)
        which, done = run(passes, lambda request: by_name[request.which](request.noisy))
        return by_name[which], done


class _Network:
    """A network on a device, loaded on first use, for images of any size."""

    def __init__(self, artifact: Artifact, device: str, threads: int | None, tile_side: int) -> None:
        self.artifact, self.card = artifact, artifact.card
        self._device, self._threads, self._tile_side = device, threads, tile_side

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the engine, which cannot be pickled: the copy loads its own."""
        return {name: value for name, value in self.__dict__.items() if name != "_engine"}

    @cached_property
    def _engine(self) -> "Engine":
        from biasfree.engines.onnx_engine import OnnxEngine

        return OnnxEngine({self.card.name: self.artifact}, device=self._device, threads=self._threads, bulk=True)

    @property
    def torch_device(self) -> str:
        """Return the device of the analysis: ``cuda`` or ``cpu``.

        Raises:
            DeviceUnavailable: The model is for CUDA, and torch cannot use it.
        """
        import torch

        usable = torch.cuda.is_available()
        if self._device == "cuda" and not usable:
            raise DeviceUnavailable("torch cannot use CUDA here: load the model with device='auto' or device='cpu'")
        return "cuda" if self._device != "cpu" and usable else "cpu"

    def __call__(self, noisy: FloatArray) -> FloatArray:
        """Denoise (C, H, W), tile by tile."""
        card = self.card
        height, width = noisy.shape[1:]
        grid = TileGrid.of(height, width, side=self._tile_side, radius=card.receptive_radius, stride=card.stride)
        tiles = cut(noisy, grid, card.channels)
        denoised = [self._engine.run(card.name, np.ascontiguousarray(tile[None]))[0] for tile in tiles]
        return join(denoised, grid, len(noisy))


def _require_no_axes(channel_axis: int | None, stack_axis: int | None) -> None:
    if channel_axis is not None or stack_axis is not None:
        raise ValueError("a Pillow image has no axes to name: omit channel_axis and stack_axis")


def _require_whole(name: str, value: object) -> None:
    if not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name}={value!r}: must be a whole number of at least 1")


def _require_depth(dtype: np.dtype[Any], bit_depth: int | None) -> None:
    """Check that integers of this type can have ``bit_depth`` significant bits."""
    if bit_depth is not None and dtype.kind in "iu":
        intensity_range(dtype, bit_depth)


def _options(options: Mapping[str, Any]) -> DenoiseOptions:
    """Check the options of ``denoise``, with errors of one sentence."""
    known = [name for name in DenoiseOptions.model_fields if name != "estimate"]
    if unknown := sorted(set(options) - set(known)):
        raise TypeError(f"denoise() has no option {unknown[0]!r}; {suggestion(unknown[0], [*known, *_AXES])}")
    try:
        return DenoiseOptions(**options)
    except ValidationError as exc:
        first = exc.errors()[0]
        name = str(first["loc"][0])
        words = what_is_wrong(first, DenoiseOptions.model_fields[name])
        raise ValueError(f"{name}={first['input']!r}: {words}") from exc


def _path(model: str | Path) -> Path:
    shipped = SHIPPED / f"{model}.onnx"
    if isinstance(model, str) and shipped.is_file():
        return shipped
    path = Path(model)
    if not path.is_file():
        raise ArtifactError(
            f"there is no model and no file {str(model)!r}; "
            f"{suggestion(str(model).removesuffix('.onnx'), [*CHOICES, *models()])}"
        )
    return path


def _stack(image: Any, channel_axis: int | None, stack_axis: int | None = None) -> Stack:
    """Split an array, or the colors of a Pillow image."""
    if is_pillow(image):
        _require_no_axes(channel_axis, stack_axis)
        image, channel_axis = shown_colors_of(image)
    return Stack.of(image, channel_axis, stack_axis)


def _planes(stack: Stack, card: Card) -> PixelArray:
    """Return a patch as (C, H, W), with one channel for a gray network if three are equal."""
    patch = stack.frames[0] if card.channels == 1 else stack.whole_frame(0)
    if patch.shape[-1] != card.channels:
        raise ValueError(
            f"model {card.name!r} analyzes patches of {card.channels} channel(s), but this patch has {patch.shape[-1]}"
        )
    return np.moveaxis(patch, -1, 0)
