"""Everything that can go wrong with a call, in one tree.

The life of a call, and where each error leaves it::

    settings -> InvalidSetting
    image    -> UnsupportedImage
    wire     -> ConnectionFailed, TimedOut, ConnectTimedOut
    answer   -> ProblemError and below: the service said no, and why
             -> UnexpectedResponse: whoever answered is not that service
    result   -> MissingLibrary: it is there, and an optional library is needed to open or draw it
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class BiasfreeError(Exception):
    """Base of all errors of this package."""


class InvalidSetting(BiasfreeError, ValueError):
    """The address or the key cannot be one."""


class MissingLibrary(BiasfreeError, ImportError):
    """An optional library is not installed; the message names the extra that brings it."""


class UnsupportedImage(BiasfreeError):
    """The image cannot be sent: it is of no kind that is understood, or would have to be pickled."""


class ConnectionFailed(BiasfreeError):
    """No answer came back: no such host, refused, or broken off."""


class TimedOut(ConnectionFailed):
    """No answer came back within the timeout."""


class ConnectTimedOut(TimedOut):
    """Nobody took the connection within its timeout."""


class UnexpectedResponse(BiasfreeError):
    """The answer is not one that the service documents; the address is likely somebody else's."""


@dataclass(frozen=True)
class Problem:
    """An RFC 9457 problem document.

    Args:
        type: What kind of problem, as a URI such as ``urn:biasfree:problem:queue-full``; its last segment names the
            error class.
        title: The kind in words.
        status: HTTP status.
        detail: What was expected and what was got, this time.
        request_id: The id in the service's logs.
        retry_after_s: Seconds after which the service expects to have room.
        document: The whole document, with its numbers (``limit``, ``actual``, ``supported``).
    """

    type: str
    title: str
    status: int
    detail: str | None
    request_id: str | None
    retry_after_s: float | None
    document: Mapping[str, Any]


class ProblemError(BiasfreeError):
    """The service answered, and refused or failed."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem

    @property
    def status(self) -> int:
        """HTTP status."""
        return self.problem.status

    @property
    def title(self) -> str:
        """The kind of problem in words."""
        return self.problem.title

    @property
    def detail(self) -> str | None:
        """What was expected and what was got."""
        return self.problem.detail

    @property
    def request_id(self) -> str | None:
        """The id in the service's logs."""
        return self.problem.request_id

    @property
    def retry_after_s(self) -> float | None:
        """Seconds after which the service expects to have room, where it said so."""
        return self.problem.retry_after_s

    @property
    def document(self) -> Mapping[str, Any]:
        """The problem document as it came."""
        return self.problem.document

    def __str__(self) -> str:
        detail = f": {self.detail}" if self.detail else ""
        request = f" (request {self.request_id})" if self.request_id else ""
        return f"{self.status} {self.title}{detail}{request}"


class BadRequest(ProblemError):
    """400: the body is not what it says it is."""


class MalformedRequest(BadRequest):
    """The body is empty, or is not what its content type says."""


class UndecodableImage(BadRequest):
    """The bytes claim a format and are not a whole image of it."""


class Unauthorized(ProblemError):
    """401: the key is missing or wrong."""


class NotFound(ProblemError):
    """404: nothing is there under that name."""


class UnknownModel(NotFound):
    """No model has that name."""


class MethodNotAllowed(ProblemError):
    """405: the path has no such method."""


class UnsupportedOutput(ProblemError):
    """406: the format asked for does not exist, or cannot hold these pixels."""


class BodyTimeout(ProblemError):
    """408: the body did not arrive in time."""


class TooLarge(ProblemError):
    """413: more bytes or pixels than are accepted."""


class BodyTooLarge(TooLarge):
    """The body has more bytes than are accepted."""


class ImageTooLarge(TooLarge):
    """The header announces more pixels or frames than are accepted."""


class UnsupportedMedia(ProblemError):
    """415: the body's format, or a kind of pixels in it, is not among those read."""


class Unprocessable(ProblemError):
    """422: understood, and yet impossible."""


class InvalidParameter(Unprocessable):
    """A parameter is out of range, or does not fit this image."""


class InvalidPixels(Unprocessable):
    """A pixel is NaN or infinite."""


class TooManyRequests(ProblemError):
    """429: more than is accepted at the moment; ``retry_after_s`` says when to try again."""


class RateLimited(TooManyRequests):
    """The key's requests for this minute are used up."""


class PixelsInFlight(TooManyRequests):
    """The key has too many pixels under way."""


class QueueFull(TooManyRequests):
    """The work already queued takes longer than the bound; ``retry_after_s`` says when to try again."""


class ServerFailed(ProblemError):
    """5xx: the service failed, at no fault of the request."""


class InferenceFailed(ServerFailed):
    """The device failed on this image."""


class AnalysisFailed(ServerFailed):
    """The analysis took more memory than it may, or was killed."""


class OutOfMemory(ServerFailed):
    """The device has too little memory for this image."""


class NotReady(ServerFailed):
    """503: the service starts, drains, or has lost its device."""


class DeadlineExceeded(ServerFailed):
    """504: the time for this request is over."""


#: Last segment of a problem's ``type`` -> class.
BY_TYPE: Mapping[str, type[ProblemError]] = {
    "malformed-request": MalformedRequest,
    "undecodable-image": UndecodableImage,
    "unauthorized": Unauthorized,
    "not-found": NotFound,
    "unknown-model": UnknownModel,
    "method-not-allowed": MethodNotAllowed,
    "unsupported-output": UnsupportedOutput,
    "body-timeout": BodyTimeout,
    "body-too-large": BodyTooLarge,
    "image-too-large": ImageTooLarge,
    "unsupported-media": UnsupportedMedia,
    "invalid-parameter": InvalidParameter,
    "invalid-pixels": InvalidPixels,
    "queue-full": QueueFull,
    "rate-limited": RateLimited,
    "pixels-in-flight": PixelsInFlight,
    "internal": ServerFailed,
    "inference-failed": InferenceFailed,
    "analysis-failed": AnalysisFailed,
    "out-of-memory": OutOfMemory,
    "not-ready": NotReady,
    "deadline-exceeded": DeadlineExceeded,
}

#: HTTP status -> class, for problems of a newer service and for answers of a proxy before it.
BY_STATUS: Mapping[int, type[ProblemError]] = {
    400: BadRequest,
    401: Unauthorized,
    404: NotFound,
    405: MethodNotAllowed,
    406: UnsupportedOutput,
    408: BodyTimeout,
    413: TooLarge,
    415: UnsupportedMedia,
    422: Unprocessable,
    429: TooManyRequests,
    503: NotReady,
    504: DeadlineExceeded,
}


def error_of(problem: Problem) -> ProblemError:
    """The most particular error for a problem: by its type, else by its status."""
    name = problem.type.rstrip("/").replace("#", "/").replace(":", "/").rpartition("/")[2]
    fallback = ServerFailed if problem.status >= 500 else ProblemError
    return BY_TYPE.get(name, BY_STATUS.get(problem.status, fallback))(problem)
