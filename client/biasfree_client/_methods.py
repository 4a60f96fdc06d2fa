"""What can be asked of the service, written once for every client."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Generic, TypedDict, TypeVar, Unpack

from biasfree_client._call import AnalyzeOptions, Call, analyze_call, denoise_call, fact_call, figure_call
from biasfree_client._facts import read_card, read_limits, read_models, read_readiness
from biasfree_client._image import ImageLike

# What each method gives: the thing itself, a coroutine of it, or the raw response.
DenoisedT = TypeVar("DenoisedT")
AnalysisT = TypeVar("AnalysisT")
FigureT = TypeVar("FigureT")
ModelsT = TypeVar("ModelsT")
CardT = TypeVar("CardT")
LimitsT = TypeVar("LimitsT")
ReadyT = TypeVar("ReadyT")


class DenoiseOptions(TypedDict, total=False):
    """Options of ``denoise``, for ``map``."""

    strength: float
    chroma_strength: float | None
    model: str | None
    estimate: bool
    format: str | None
    output: str | None
    color: str | None
    bit_depth: int | None


class Methods(ABC, Generic[DenoisedT, AnalysisT, FigureT, ModelsT, CardT, LimitsT, ReadyT]):
    """The methods of ``Denoiser``, ``AsyncDenoiser`` and their raw siblings.

    All of them raise, beside what they name:
        ProblemError: The service refused, or failed; one class below it for each kind of problem.
        ConnectionFailed: No answer came back; ``TimedOut`` where it took too long.
        UnexpectedResponse: Whoever answered is not the service.
        InvalidSetting: The address is none.
    """

    @abstractmethod
    def _run(self, build: Callable[[], Call[Any]]) -> Any:
        """Build a call, send it, read its answer. Building is part of it, so that its errors can be awaited too."""

    def denoise(
        self,
        image: ImageLike,
        *,
        strength: float = 1.0,
        chroma_strength: float | None = None,
        model: str | None = None,
        estimate: bool = False,
        format: str | None = None,
        output: str | None = None,
        color: str | None = None,
        bit_depth: int | None = None,
    ) -> DenoisedT:
        """Remove the noise from an image, whatever its level.

        Args:
            image: A path, the bytes of an image file, such a file opened for binary reading, a Pillow image, or an
                array (H, W), (H, W, 3) or (Z, H, W) of 8- or 16-bit integers or floats of any range; there is nothing
                to scale. Arrays and Pillow images travel as NPY, without loss.
            strength: Blend of input (0) and denoised image (1); in color, of the luminance.
            chroma_strength: The same for the color differences; by default as ``strength``.
            model: Name of the model; by default the service chooses by the image's channels.
            estimate: Ask for the level and kind of the noise, and for an estimate of the result's PSNR.
            format: ``png``, ``jpeg``, ``webp``, ``bmp``, ``tiff`` or ``npy``; by default that of the image.
            output: ``image``, or ``residual`` for what was removed.
            color: ``auto``, ``gray`` or ``rgb``.
            bit_depth: Bits of a sample that are in use, where fewer than the type has.

        Returns:
            The result: ``image`` is of the kind that was given.

        Raises:
            UnsupportedImage: The image is of no kind that can be sent.
            OSError: The file cannot be read.
        """
        result: DenoisedT = self._run(
            partial(
                denoise_call,
                image,
                strength=strength,
                chroma_strength=chroma_strength,
                model=model,
                estimate=estimate,
                format=format,
                output=output,
                color=color,
                bit_depth=bit_depth,
            )
        )
        return result

    def analyze(
        self,
        image: ImageLike,
        *,
        clean: ImageLike | None = None,
        x0: int | None = None,
        y0: int | None = None,
        size: int | None = None,
        k: int | None = None,
        method: str | None = None,
        pixels: Sequence[tuple[int, int]] = (),
        probes: int | None = None,
        frame: int | None = None,
        model: str | None = None,
        color: str | None = None,
        bit_depth: int | None = None,
    ) -> AnalysisT:
        """Lay open what the network does at a patch: its Jacobian there, and the singular values of that.

        Args:
            image: As for ``denoise``.
            clean: The same image without noise, where it is known, for ``signal_preserved``.
            x0: Column of the patch's left edge, counted from 0; by default it is centred.
            y0: Row of the patch's top edge, counted from 0; by default it is centred.
            size: Side of the patch; by default 40, or what the image has.
            k: Singular vectors from each end of the spectrum; by default 8.
            method: ``auto``, ``dense`` or ``iterative``.
            pixels: Columns and rows of pixels whose equivalent filters are wanted; by default the middle's.
            probes: Random vectors for estimates over the whole image; by default none.
            frame: Page of a stack.
            model: As for ``denoise``.
            color: As for ``denoise``.
            bit_depth: As for ``denoise``.

        Raises:
            UnsupportedImage: The image is of no kind that can be sent.
            OSError: The file cannot be read.
        """
        options: AnalyzeOptions = {
            "clean": clean,
            "x0": x0,
            "y0": y0,
            "size": size,
            "k": k,
            "method": method,
            "pixels": pixels,
            "probes": probes,
            "frame": frame,
            "model": model,
            "color": color,
            "bit_depth": bit_depth,
        }
        result: AnalysisT = self._run(partial(analyze_call, image, **options))
        return result

    def figure(self, image: ImageLike, **options: Unpack[AnalyzeOptions]) -> FigureT:
        """The service's own picture of an analysis, a PNG 1600 pixels wide. Arguments as ``analyze`` has them."""
        result: FigureT = self._run(partial(figure_call, image, **options))
        return result

    def models(self) -> ModelsT:
        """The models that are served."""
        result: ModelsT = self._run(partial(fact_call, "/models", read_models))
        return result

    def model(self, name: str) -> CardT:
        """A model's card: origin, training and measured quality.

        Raises:
            UnknownModel: No model has that name.
        """
        result: CardT = self._run(partial(fact_call, "/models", read_card, name))
        return result

    def limits(self) -> LimitsT:
        """What is accepted at most, and which formats and dtypes are read."""
        result: LimitsT = self._run(partial(fact_call, "/limits", read_limits))
        return result

    def ready(self) -> ReadyT:
        """Which device denoises, and how much work waits.

        Raises:
            NotReady: The service starts, drains, or has lost its device.
        """
        result: ReadyT = self._run(partial(fact_call, "/readyz", read_readiness))
        return result
