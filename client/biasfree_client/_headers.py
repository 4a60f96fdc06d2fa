"""The facts that the service reports in response headers."""

from collections.abc import Mapping
from dataclasses import dataclass

from biasfree_client._errors import UnexpectedResponse

NOISE = "X-Noise"
#: Parameters of ``X-Noise`` that are numbers.
NOISE_NUMBERS = ("level", "neighbor_correlation", "channel_correlation", "brightness_dependence", "clipped")


@dataclass(frozen=True)
class Model:
    """A model, by name, version and the SHA-256 of its file."""

    name: str
    version: str | None = None
    sha256: str | None = None


def read_model(headers: Mapping[str, str]) -> Model | None:
    """Read ``X-Model``: ``gray; version=1; sha256=...``."""
    if "X-Model" not in headers:
        return None
    name, parameters = _parameterized(headers["X-Model"])
    return Model(name, parameters.get("version"), parameters.get("sha256"))


@dataclass(frozen=True)
class Noise:
    """The noise that was removed.

    Args:
        kind: ``white``, ``brightness-dependent``, ``impulse``, ``correlated``, ``little`` or ``unknown``.
        level: Standard deviation on the 0-255 scale; for correlated noise, of the residual.
        neighbor_correlation: Correlation of the residual with the next pixel across or down.
        channel_correlation: Correlation of the residual between channels; None for gray images.
        brightness_dependence: Level in the brightest third divided by that in the darkest; None if the brightness
            hardly varies.
        clipped: Share of samples at the ends of the range.
        description: A few words for people, such as ``white noise, level 24.8``.
    """

    kind: str
    level: float | None = None
    neighbor_correlation: float | None = None
    channel_correlation: float | None = None
    brightness_dependence: float | None = None
    clipped: float | None = None
    description: str = ""

    @property
    def white(self) -> bool | None:
        """Return whether the noise is uncorrelated; None if that is unknown."""
        return {"white": True, "brightness-dependent": True, "impulse": True, "correlated": False}.get(self.kind)

    def __str__(self) -> str:
        return self.description


def read_noise(headers: Mapping[str, str]) -> Noise | None:
    """Read ``X-Noise``: ``white; level=24.8; ...; description="white noise, level 24.8"``."""
    if NOISE not in headers:
        return None
    kind, parameters = _parameterized(headers[NOISE])
    numbers = {name: _number(NOISE, parameters[name]) for name in NOISE_NUMBERS if name in parameters}
    return Noise(kind, **numbers, description=parameters.get("description", ""))


def read_timing(headers: Mapping[str, str]) -> dict[str, float]:
    """Read ``Server-Timing`` into milliseconds per stage, leaving out entries of proxies without a duration."""
    entries = map(_parameterized, headers.get("Server-Timing", "").split(","))
    return {stage: _number("Server-Timing", facts["dur"]) for stage, facts in entries if "dur" in facts}


def read_number(headers: Mapping[str, str], name: str) -> float | None:
    """Read a numeric header; None if it is absent.

    Raises:
        UnexpectedResponse: Its value is not a number.
    """
    return _number(name, headers[name]) if name in headers else None


def _parameterized(value: str) -> tuple[str, dict[str, str]]:
    """Split ``name; key=value; key=value``."""
    name, *parts = (part.strip() for part in value.split(";"))
    pairs = (part.partition("=") for part in parts)
    return name, {key.strip().lower(): text.strip().strip('"') for key, _, text in pairs}


def _number(header: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as exc:
        raise UnexpectedResponse(f"Unexpected answer: {header} must be a number, not {text!r}") from exc
