"""What every kind of denoiser offers to the routes, and the registry of those that are served."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import BaseModel, Field

from biasfree.noise import Noise
from service.denoising.options import AUTO, DenoiseOptions
from service.errors import UnknownModel
from service.imaging import Picture
from service.queue.ledger import BatchRun


class ModelSummary(BaseModel):
    """One line of the list of models."""

    name: str = Field(examples=["gray"])
    version: str
    kind: Literal["network", "classical"] = Field(description="Only networks can be analysed.")
    sha256: str | None = Field(description="SHA-256 of the model file; null for a classical model, which has none.")
    channels: int | None = Field(description="1 gray, 3 RGB; null takes both.")
    default_for_channels: int | None = Field(
        description="Number of channels of the images that it is the default for, where no model is named."
    )
    macs_per_pixel: float | None = Field(description="Multiply-adds per pixel of a network.")


@dataclass(frozen=True)
class DenoiseResult:
    """A denoised picture, the model that made it, and the facts.

    Attributes:
        picture: Same dtype, size and metadata as the input.
        model: Facts of the model for the answer: ``name``, ``version`` and more.
        noise: The noise that was found, where asked for.
        infer_s: Seconds of the device.
        batches: Batches that its tiles were in.
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
        model: Name of the model: the one asked for, or the default.
        picture: As it will be denoised, in the colors asked for.
        denoise: Denoises it; cancelling it stops the work.
    """

    model: str
    picture: Picture
    denoise: Callable[[], Awaitable[DenoiseResult]]


class Backend(Protocol):
    """One kind of denoiser."""

    @property
    def names(self) -> Sequence[str]:
        """Names of its models."""

    def summaries(self) -> list[ModelSummary]:
        """List its models."""

    def card(self, name: str) -> tuple[str | None, BaseModel]:
        """Return the SHA-256 of a model's file, if it has one, and the model's card."""

    def require_room(self) -> None:
        """Refuse a request before anything is done for it.

        Raises:
            QueueFull: Too much is waiting.
            NotReady: It cannot denoise now.
        """

    def prepare(self, picture: Picture, options: DenoiseOptions) -> Work:
        """Accept a picture.

        Raises:
            ServiceError: The picture or an option does not fit.
        """

    async def end(self) -> None:
        """Finish what was accepted, and stop."""


class Backends:
    """The registry of backends.

    Args:
        default: Used where no model is named.
        others: Used for the models that they name.
    """

    def __init__(self, default: Backend, *others: Backend) -> None:
        self.default, self._all = default, (default, *others)

    def __iter__(self) -> Iterator[Backend]:
        return iter(self._all)

    @property
    def names(self) -> list[str]:
        """Names of all models."""
        return [name for backend in self._all for name in backend.names]

    def of(self, model: str | None) -> Backend:
        """Return the backend of a model, the default one for None and ``auto``.

        Raises:
            UnknownModel: No model has that name.
        """
        if model in (None, AUTO):
            return self.default
        for backend in self._all:
            if model in backend.names:
                return backend
        raise UnknownModel(f"no model is called {model!r}", supported=sorted(self.names))
