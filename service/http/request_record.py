"""What becomes known of a request on its way, for the log and the metrics."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.requests import Request

from service.imaging import Picture

#: ``OTHER`` is a refusal that is none of our problem documents, such as that of a browser's question for permission.
OK, CLIENT_LEFT, OTHER = "ok", "client-left", "other"


@dataclass
class RequestFacts:
    """Nothing of the image but its size, and of the request nothing that a client can write freely.

    Attributes:
        outcome: ``ok``, ``client-left``, the last part of a problem's type, or ``other``.
        model: Name of the model.
        shape: Width, height, frames, channels and dtype of the image, once it is decoded.
        timing_ms: Milliseconds by stage, as in ``Server-Timing``.
    """

    outcome: str = OK
    model: str | None = None
    shape: Mapping[str, int | str] = field(default_factory=dict)
    timing_ms: Mapping[str, float] = field(default_factory=dict)

    def saw(self, picture: Picture) -> None:
        """The image is decoded."""
        height, width, channels = picture.frames[0].shape
        self.shape = {
            "width": width,
            "height": height,
            "frames": len(picture.frames),
            "channels": channels,
            "dtype": picture.dtype.name,
        }

    def fields(self) -> dict[str, object]:
        """As the log has them."""
        model = {} if self.model is None else {"model": self.model}
        timing = {f"{stage}_ms": round(milliseconds, 3) for stage, milliseconds in self.timing_ms.items()}
        return {"outcome": self.outcome, **model, **self.shape, **timing}


def facts_of(request: Request) -> RequestFacts:
    """Of a request; one that did not pass ``RequestLog`` has facts that nobody reads."""
    facts: RequestFacts = getattr(request.state, "facts", None) or RequestFacts()
    return facts
