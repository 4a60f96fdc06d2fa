"""The exception tree of this package.

The life of a call, with the errors of each stage::

    settings -> InvalidSetting
    image    -> UnsupportedImage
    network  -> ConnectionFailed, TimedOut, ConnectTimedOut
    answer   -> ProblemError and its subclasses: the service refused or failed, with the reason
             -> UnexpectedResponse: the answer is not from this service
    result   -> MissingLibrary: opening or drawing the result requires an optional library
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class BiasfreeError(Exception):
    """The base class of all errors of this package."""


class InvalidSetting(BiasfreeError, ValueError):
    """An invalid address, API key, timeout or retry policy."""


class MissingLibrary(BiasfreeError, ImportError):
    """A missing optional library; the message names the extra that installs it."""


class UnsupportedImage(BiasfreeError):
    """An image that cannot be sent or opened: an unsupported type, format or mode, or an array of objects."""


class ConnectionFailed(BiasfreeError):
    """A call without a complete answer: unknown host, connection refused or lost."""


class TimedOut(ConnectionFailed):
    """A call without an answer within the timeout."""


class ConnectTimedOut(TimedOut):
    """A connection that was not accepted within its timeout."""


class UnexpectedResponse(BiasfreeError):
    """An answer that the service does not document; the address is probably another server's."""


@dataclass(frozen=True)
class Problem:
    """An RFC 9457 problem document.

    Args:
        type: The problem type as a URI such as ``urn:biasfree:problem:queue-full``; its last segment determines the
            error class.
        title: The problem type in words.
        status: HTTP status.
        detail: What was wrong with this request.
        request_id: The request's id in the service's logs.
        retry_after_s: Seconds until the service expects to have capacity.
        document: The whole document, with its other members (``limit``, ``actual``, ``supported``).
    """

    type: str
    title: str
    status: int
    detail: str | None
    request_id: str | None
    retry_after_s: float | None
    document: Mapping[str, Any]


class ProblemError(BiasfreeError):
    """A call that the service refused or failed."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem

    @property
    def status(self) -> int:
        """Return the HTTP status."""
        return self.problem.status

    @property
    def title(self) -> str:
        """Return the problem type in words."""
        return self.problem.title

    @property
    def detail(self) -> str | None:
        """Return what was wrong with the request."""
        return self.problem.detail

    @property
    def request_id(self) -> str | None:
        """Return the request's id in the service's logs."""
        return self.problem.request_id

    @property
    def retry_after_s(self) -> float | None:
        """Return the seconds until the service expects to have capacity; None if it did not say."""
        return self.problem.retry_after_s

    @property
    def document(self) -> Mapping[str, Any]:
        """Return the problem document as received."""
        return self.problem.document

    def __str__(self) -> str:
        detail = f": {self.detail}" if self.detail else ""
        request = f" (request {self.request_id})" if self.request_id else ""
        return f"{self.status} {self.title}{detail}{request}"


class BadRequest(ProblemError):
    """400: the body cannot be read."""


class MalformedRequest(BadRequest):
    """An empty body, or one that does not match its content type."""


class UndecodableImage(BadRequest):
    """A damaged or incomplete image."""


class Unauthorized(ProblemError):
    """401: the key is missing or wrong."""


class NotFound(ProblemError):
    """404: no resource of that name."""


class UnknownModel(NotFound):
    """A model name that does not exist."""


class UnknownRequest(NotFound):
    """A request that is not in progress (any more)."""


class MethodNotAllowed(ProblemError):
    """405: the path does not support the method."""


class UnsupportedOutput(ProblemError):
    """406: the requested format does not exist, or cannot hold these pixels."""


class BodyTimeout(ProblemError):
    """408: the body did not arrive in time."""


class TooLarge(ProblemError):
    """413: more bytes or pixels than the limit."""


class BodyTooLarge(TooLarge):
    """A body with more bytes than the limit."""


class ImageTooLarge(TooLarge):
    """An image with more pixels or frames than the limit, by its header."""


class UnsupportedMedia(ProblemError):
    """415: the body's format or pixel type is not supported."""


class Unprocessable(ProblemError):
    """422: a valid request that cannot be fulfilled."""


class InvalidParameter(Unprocessable):
    """A parameter that is out of range, or does not fit this image."""


class InvalidPixels(Unprocessable):
    """An image with NaN or infinite pixels."""


class TooManyRequests(ProblemError):
    """429: more than the service accepts at the moment; retry after ``retry_after_s``."""


class RateLimited(TooManyRequests):
    """A key that used up its requests for this minute."""


class PixelsInFlight(TooManyRequests):
    """A key with too many pixels in flight."""


class QueueFull(TooManyRequests):
    """A queue with more work than its limit; retry after ``retry_after_s``."""


class ServerFailed(ProblemError):
    """5xx: the service failed through no fault of the request."""


class InferenceFailed(ServerFailed):
    """A failure of the device on this image."""


class AnalysisFailed(ServerFailed):
    """An analysis that exceeded its memory limit, or was killed."""


class OutOfMemory(ServerFailed):
    """An image that needs more memory than the device has."""


class NotReady(ServerFailed):
    """503: the service is starting, draining, or has lost its device."""


class DeadlineExceeded(ServerFailed):
    """504: the request exceeded its time limit."""


#: Last segment of a problem's ``type`` -> class.
BY_TYPE: Mapping[str, type[ProblemError]] = {
    "malformed-request": MalformedRequest,
    "undecodable-image": UndecodableImage,
    "unauthorized": Unauthorized,
    "not-found": NotFound,
    "unknown-model": UnknownModel,
    "unknown-request": UnknownRequest,
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
    "not-installed": ServerFailed,
    "inference-failed": InferenceFailed,
    "analysis-failed": AnalysisFailed,
    "out-of-memory": OutOfMemory,
    "not-ready": NotReady,
    "deadline-exceeded": DeadlineExceeded,
}

#: HTTP status -> class, for problem types of a newer service and for answers of a proxy.
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
    """Return the most specific error for a problem: by its type, then by its status."""
    name = problem.type.rstrip("/").replace("#", "/").replace(":", "/").rpartition("/")[2]
    fallback = ServerFailed if problem.status >= 500 else ProblemError
    return BY_TYPE.get(name, BY_STATUS.get(problem.status, fallback))(problem)
