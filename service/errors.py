"""Everything that can go wrong with a request, named without HTTP.

The life of a request, and where each error leaves it::

    key       -> Unauthorized, RateLimited, PixelsInFlight (once the header is read)
    body      -> BodyTooLarge, BodyTimeout, MalformedRequest
    header    -> UnsupportedMedia, UndecodableImage, ImageTooLarge
    pixels    -> UndecodableImage, InvalidPixels
    model     -> UnknownModel, InvalidParameter
    output    -> UnsupportedOutput
    queue     -> QueueFull, NotReady, DeadlineExceeded
    inference -> InferenceFailed, DeadlineExceeded
    analysis  -> NotInstalled, QueueFull, NotReady, DeadlineExceeded, AnalysisFailed
    encode    -> (nothing: what the header allowed can be written)

``routes.problems`` maps each of them, once, to a status and a problem type.
"""

from collections.abc import Collection
from typing import Any, Self

from biasfree.options import suggestion


class ServiceError(Exception):
    """A request cannot be served.

    Args:
        detail: One sentence for the caller, with what was expected and what was got.
        facts: The numbers behind it, for machines: ``limit``, ``actual``, ``supported``, ...
    """

    def __init__(self, detail: str, **facts: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.facts = facts


class Unauthorized(ServiceError):
    """A key is needed, and there is none or it is not accepted."""


class RateLimited(ServiceError):
    """The key's requests for this minute are used up. ``facts`` has ``retry_after_s``."""


class PixelsInFlight(ServiceError):
    """The key has too many pixels under way. ``facts`` has ``retry_after_s``."""


class MalformedRequest(ServiceError):
    """The body is empty, or is not what its content type says."""


class BodyTooLarge(ServiceError):
    """The body has more bytes than are accepted."""


class BodyTimeout(ServiceError):
    """The body did not arrive in time."""


class UnsupportedMedia(ServiceError):
    """The body's format, or a kind of pixels in it, is not among those read."""


class UndecodableImage(ServiceError):
    """The bytes claim a format and are not a whole image of it."""


class ImageTooLarge(ServiceError):
    """The header announces more pixels or frames than are accepted."""


class InvalidPixels(ServiceError):
    """A pixel is NaN or infinite, or its file says that it has no value."""


class InvalidParameter(ServiceError):
    """A parameter is out of range, or does not fit this image."""


class UnknownModel(ServiceError):
    """No model has that name."""

    @classmethod
    def called(cls, name: str, known: Collection[str]) -> Self:
        """Name the likely one of the known models, or all of them."""
        supported = sorted(known)
        return cls(f"no model is called {name!r}; {suggestion(name, supported)}", supported=supported)


class UnknownRequest(ServiceError):
    """No request with that id waits or runs in this process."""


class UnsupportedOutput(ServiceError):
    """The format asked for does not exist, or cannot hold these pixels."""


class QueueFull(ServiceError):
    """More work is queued than the bound allows. ``facts`` has ``retry_after_s``."""


class NotReady(ServiceError):
    """The service starts, drains, or has lost its device."""


class DeadlineExceeded(ServiceError):
    """The time for this request is over."""


class InferenceFailed(ServiceError):
    """The device failed on this image."""


class NotInstalled(ServiceError):
    """An optional part of the service is not installed. ``facts`` has the ``command`` that installs it."""


class AnalysisFailed(ServiceError):
    """The process of the analysis died, most likely for want of memory."""
