"""Client of the biasfree image-denoising service.

>>> from biasfree_client import Denoiser
>>> Denoiser().denoise("noisy.png", estimate=True).save("clean.png")
"""

from biasfree_client._analysis import Analysis
from biasfree_client._client import AsyncDenoiser, Denoiser
from biasfree_client._denoised import Denoised
from biasfree_client._errors import (
    AnalysisFailed,
    BadRequest,
    BiasfreeError,
    BodyTimeout,
    BodyTooLarge,
    ConnectionFailed,
    ConnectTimedOut,
    DeadlineExceeded,
    ImageTooLarge,
    InferenceFailed,
    InvalidParameter,
    InvalidPixels,
    InvalidSetting,
    MalformedRequest,
    MethodNotAllowed,
    MissingLibrary,
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
from biasfree_client._facts import AnalysisLimits, Limits, ModelCard, ModelSummary, Readiness
from biasfree_client._headers import Model
from biasfree_client._image import ImageLike
from biasfree_client._retry import Retries
from biasfree_client._version import __version__

__all__ = [
    "Analysis",
    "AnalysisFailed",
    "AnalysisLimits",
    "AsyncDenoiser",
    "BadRequest",
    "BiasfreeError",
    "BodyTimeout",
    "BodyTooLarge",
    "ConnectTimedOut",
    "ConnectionFailed",
    "DeadlineExceeded",
    "Denoised",
    "Denoiser",
    "ImageLike",
    "ImageTooLarge",
    "InferenceFailed",
    "InvalidParameter",
    "InvalidPixels",
    "InvalidSetting",
    "Limits",
    "MalformedRequest",
    "MethodNotAllowed",
    "MissingLibrary",
    "Model",
    "ModelCard",
    "ModelSummary",
    "NotFound",
    "NotReady",
    "OutOfMemory",
    "Problem",
    "ProblemError",
    "QueueFull",
    "Readiness",
    "Retries",
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
