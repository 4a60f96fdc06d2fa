"""What the analysis process is asked for. Imports nothing heavy: both sides know it."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from biasfree.analysis.request import AnalysisRequest


class Output(StrEnum):
    """A form of the answer; its value is its media type."""

    JSON = "application/json"
    NPZ = "application/x-npz"
    PNG = "image/png"


@dataclass(frozen=True)
class Task:
    """One analysis by one model.

    Attributes:
        model_path: The model file.
        model_sha256: Its SHA-256 when the service started; another file now is an error.
        device: ``cpu`` or ``cuda``.
        request: The patch and the options.
        output: The answer's form.
        facts: Written into the answer as they are: ``model``, ``request_id``.
    """

    model_path: Path
    model_sha256: str
    device: str
    request: AnalysisRequest
    output: Output
    facts: dict[str, Any]
