"""The interface between the routes and every kind of denoiser, and the registry of denoisers."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import BaseModel, Field

from biasfree.choice import CHOICES
from biasfree.noise import Noise
from service.denoising.options import DenoiseOptions
from service.errors import UnknownModel
from service.imaging import Picture
from service.queue.ledger import BatchRun


class ModelSummary(BaseModel):
    """An entry in the list of models."""

    name: str = Field(examples=["gray"])
    version: str
    kind: Literal["network", "classical"] = Field(description="Only networks can be analyzed.")
    sha256: str | None = Field(description="SHA-256 of the model file; null for a classical model, which has no file.")
    channels: int | None = Field(description="1 for gray, 3 for RGB; null if the model takes both.")
    default_for_channels: int | None = Field(
        description="Number of channels of the images for which it is the default model; null if it is not a default."
    )
    macs_per_pixel: float | None = Field(description="Multiply-adds per pixel of a network.")


@dataclass(frozen=True)
class DenoiseResult:
    """A denoised picture, with facts about the model and the run.

    Attributes:
        picture: Same dtype, size and metadata as the input.
        model: Facts of the model for the answer: ``name``, ``version`` and more.
        noise: The estimated noise, if requested.
        infer_s: Seconds on the device.
        batches: Batches that contained its tiles.
    """

    picture: Picture
    model: dict[str, str]
    noise: Noise | None = None
    infer_s: float = 0.0
    batches: Sequence[BatchRun] = ()


@dataclass(frozen=True)
class Work:
    """A picture that a backend has accepted.

    Attributes:
        model: Name of the requested model, or of the default.
        picture: The picture to denoise, in the requested colors.
        denoise: Function that denoises it; canceling it stops the work.
    """

    model: str
    picture: Picture
    denoise: Callable[[], Awaitable[DenoiseResult]]


class Backend(Protocol):
    """A kind of denoiser."""

    @property
    def names(self) -> Sequence[str]:
        """Return the names of its models."""

    def summaries(self) -> list[ModelSummary]:
        """List its models."""

    def card(self, name: str) -> tuple[str | None, BaseModel]:
        """Return the SHA-256 of a model's file, if it has one, and the model's card."""

    def require_room(self) -> None:
        """Refuse a request before doing any work for it.

        Raises:
            QueueFull: Too much work is waiting.
            NotReady: The backend cannot denoise now.
        """

    def prepare(self, picture: Picture, options: DenoiseOptions) -> Work:
        """Accept a picture.

        Raises:
            ServiceError: The picture or an option is not supported.
        """

    async def end(self) -> None:
        """Finish the accepted work, then stop."""


class Backends:
    """The registry of backends.

    Args:
        default: Backend for requests without a model.
        others: Backends for their own models.
    """

    def __init__(self, default: Backend, *others: Backend) -> None:
        self.default, self._all = default, (default, *others)

    def __iter__(self) -> Iterator[Backend]:
        return iter(self._all)

    @property
    def names(self) -> list[str]:
        """Return the names of all models."""
        return [name for backend in self._all for name in backend.names]

    def of(self, model: str | None) -> Backend:
        """Return the backend of a model; the default backend for None and automatic choices.

        Raises:
            UnknownModel: There is no model of that name.
        """
        if model is None or model in CHOICES:
            return self.default
        for backend in self._all:
            if model in backend.names:
                return backend
        raise UnknownModel.called(model, [*CHOICES, *self.names])
