"""The record of a request for the log and the metrics."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.requests import Request

from service.imaging import Picture

#: ``OTHER`` is a refusal without a problem document, such as that of a CORS preflight request.
OK, CLIENT_LEFT, OTHER = "ok", "client-left", "other"
#: The status that proxies log for a client that left.
LEFT_STATUS = 499


@dataclass
class RequestRecord:
    """The facts about a request, without image content and without text that a client can choose freely.

    Attributes:
        outcome: ``ok``, ``client-left``, the last part of a problem's type, or ``other``.
        model: Name of the model.
        shape: Width, height, frames, channels and dtype of the image, once decoded.
        timing_ms: Milliseconds by stage, as in ``Server-Timing``.
    """

    outcome: str = OK
    model: str | None = None
    shape: Mapping[str, int | str] = field(default_factory=dict)
    timing_ms: Mapping[str, float] = field(default_factory=dict)

    def saw(self, picture: Picture) -> None:
        """Record the size of the decoded image."""
        height, width, channels = picture.frames[0].shape
        self.shape = {
            "width": width,
            "height": height,
            "frames": len(picture.frames),
            "channels": channels,
            "dtype": picture.dtype.name,
        }

    def fields(self) -> dict[str, object]:
        """Return the fields of the log line."""
        model = {} if self.model is None else {"model": self.model}
        timing = {f"{stage}_ms": round(milliseconds, 3) for stage, milliseconds in self.timing_ms.items()}
        return {"outcome": self.outcome, **model, **self.shape, **timing}


def record_of(request: Request) -> RequestRecord:
    """Return the record of a request; without ``RequestLog``, an unused one."""
    record: RequestRecord = getattr(request.state, "record", None) or RequestRecord()
    return record
