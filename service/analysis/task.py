"""The task of the analysis process. Importing this module imports nothing heavy, since both processes use it."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from biasfree.analysis.request import AnalysisRequest


class Output(StrEnum):
    """A format of the answer; its value is the media type."""

    JSON = "application/json"
    NPZ = "application/x-npz"
    PNG = "image/png"


@dataclass(frozen=True)
class Task:
    """An analysis by one model.

    Attributes:
        model_path: The model file.
        model_sha256: Its SHA-256 when the service started; a changed file is an error.
        device: ``cpu`` or ``cuda``.
        request: The patch and the options.
        output: Format of the answer.
        facts: Copied into the answer: ``model``, ``request_id``.
    """

    model_path: Path
    model_sha256: str
    device: str
    request: AnalysisRequest
    output: Output
    facts: dict[str, Any]
