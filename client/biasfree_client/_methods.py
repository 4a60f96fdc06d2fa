"""The methods of the clients, written once for all of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any, Generic, TypeVar, Unpack

from biasfree_client._call import Call, analyze_call, denoise_call, fact_call, figure_call
from biasfree_client._facts import read_card, read_limits, read_models, read_readiness
from biasfree_client._image import ImageLike
from biasfree_client._options import AnalyzeOptions, DenoiseOptions, check_names
from biasfree_client._progress import OnProgress

# The return type of each method: the result itself, a coroutine of it, or the raw response.
DenoisedT = TypeVar("DenoisedT")
AnalysisT = TypeVar("AnalysisT")
FigureT = TypeVar("FigureT")
ModelsT = TypeVar("ModelsT")
CardT = TypeVar("CardT")
LimitsT = TypeVar("LimitsT")
ReadyT = TypeVar("ReadyT")


class Methods(ABC, Generic[DenoisedT, AnalysisT, FigureT, ModelsT, CardT, LimitsT, ReadyT]):
    """The methods of ``Denoiser``, ``AsyncDenoiser`` and their ``raw`` versions.

    Besides the errors that each method lists, all of them raise:
        ProblemError: The service refused or failed; each problem type has a subclass.
        ConnectionFailed: No complete answer arrived; ``TimedOut`` if it took too long.
        UnexpectedResponse: The answer is not from this service.
        InvalidSetting: The address is invalid.
    """

    @abstractmethod
    def _run(self, build: Callable[[], Call[Any]], progress: OnProgress | None = None) -> Any:
        """Build a call, send it and read its answer. Building is included so that its errors can be awaited too."""

    def denoise(
        self, image: ImageLike, *, progress: OnProgress | None = None, **options: Unpack[DenoiseOptions]
    ) -> DenoisedT:
        """Remove the noise from an image, whatever its level.

        Args:
            image: A path, the bytes of an image file, a file opened for binary reading, a Pillow image, or an array
                (H, W), (H, W, 3) or (Z, H, W) of 8- or 16-bit integers or floats of any range; nothing needs scaling.
                Arrays and Pillow images travel as NPY, without loss. An object with ``__array__``, such as a tensor,
                is an array.
            progress: Called every half second with the ``Progress`` of the request, from another thread unless the
                client is asynchronous. What it raises does not fail the call.
            options: Keyword arguments, as ``DenoiseOptions`` describes them.

        Returns:
            The result, whose ``image`` is the kind of object that was given.

        Raises:
            UnsupportedImage: The image cannot be sent.
            OSError: The file cannot be read.
            TypeError: There is no such option.
        """
        check_names("denoise", options, DenoiseOptions)
        result: DenoisedT = self._run(partial(denoise_call, image, **options), progress)
        return result

    def analyze(self, image: ImageLike, **options: Unpack[AnalyzeOptions]) -> AnalysisT:
        """Analyze the network at a patch: its Jacobian there, and the Jacobian's singular values and vectors.

        Args:
            image: As for ``denoise``.
            options: Keyword arguments, as ``AnalyzeOptions`` describes them.

        Raises:
            UnsupportedImage: The image cannot be sent.
            OSError: The file cannot be read.
            TypeError: There is no such option.
        """
        check_names("analyze", options, AnalyzeOptions)
        result: AnalysisT = self._run(partial(analyze_call, image, **options))
        return result

    def figure(self, image: ImageLike, **options: Unpack[AnalyzeOptions]) -> FigureT:
        """Return the service's drawing of an analysis, a PNG 1600 pixels wide. Takes the arguments of ``analyze``."""
        check_names("figure", options, AnalyzeOptions)
        result: FigureT = self._run(partial(figure_call, image, **options))
        return result

    def models(self) -> ModelsT:
        """List the available models."""
        result: ModelsT = self._run(partial(fact_call, "/models", read_models))
        return result

    def model(self, name: str) -> CardT:
        """Return a model's card: origin, training and measured quality.

        Raises:
            UnknownModel: No model has that name.
        """
        result: CardT = self._run(partial(fact_call, "/models", read_card, name))
        return result

    def limits(self) -> LimitsT:
        """Return the service's limits, and the formats and dtypes that it accepts."""
        result: LimitsT = self._run(partial(fact_call, "/limits", read_limits))
        return result

    def ready(self) -> ReadyT:
        """Return which device the service uses, and how much work is queued.

        Raises:
            NotReady: The service is starting, draining, or has lost its device.
        """
        result: ReadyT = self._run(partial(fact_call, "/readyz", read_readiness))
        return result
