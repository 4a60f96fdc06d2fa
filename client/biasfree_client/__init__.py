"""Client of the biasfree image-denoising service.

>>> from biasfree_client import Denoiser
>>> Denoiser().denoise("noisy.png", estimate=True).save("clean.png")
"""

from biasfree_client._client import AsyncDenoiser, Denoiser
from biasfree_client._denoised import Denoised
from biasfree_client._errors import (
    BadRequest,
    BiasfreeError,
    BodyTimeout,
    BodyTooLarge,
    ConnectionFailed,
    DeadlineExceeded,
    ImageTooLarge,
    InferenceFailed,
    InvalidParameter,
    InvalidPixels,
    MalformedRequest,
    MethodNotAllowed,
    NotFound,
    NotReady,
    OutOfMemory,
    Problem,
    ProblemError,
    QueueFull,
    ServerFailed,
    TimedOut,
    TooLarge,
    Unauthorized,
    UndecodableImage,
    UnexpectedResponse,
    UnknownModel,
    Unprocessable,
    UnsupportedImage,
    UnsupportedMedia,
    UnsupportedOutput,
)
from biasfree_client._headers import Model
from biasfree_client._version import __version__

__all__ = [
    "AsyncDenoiser",
    "BadRequest",
    "BiasfreeError",
    "BodyTimeout",
    "BodyTooLarge",
    "ConnectionFailed",
    "DeadlineExceeded",
    "Denoised",
    "Denoiser",
    "ImageTooLarge",
    "InferenceFailed",
    "InvalidParameter",
    "InvalidPixels",
    "MalformedRequest",
    "MethodNotAllowed",
    "Model",
    "NotFound",
    "NotReady",
    "OutOfMemory",
    "Problem",
    "ProblemError",
    "QueueFull",
    "ServerFailed",
    "TimedOut",
    "TooLarge",
    "Unauthorized",
    "UndecodableImage",
    "UnexpectedResponse",
    "UnknownModel",
    "Unprocessable",
    "UnsupportedImage",
    "UnsupportedMedia",
    "UnsupportedOutput",
    "__version__",
]
