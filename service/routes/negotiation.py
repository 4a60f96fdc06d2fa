"""Which format the answer takes."""

from dataclasses import dataclass

from service.errors import UnsupportedOutput
from service.imaging import ImageFormat

JSON = "application/json"


@dataclass(frozen=True)
class Answer:
    """The image format, and whether it is wrapped in JSON."""

    format: ImageFormat
    as_json: bool = False


def negotiate(accept: str, *, named: str, received: ImageFormat) -> Answer:
    """Choose the answer's format: the ``format`` parameter, then ``Accept``, then what was received.

    Args:
        accept: The ``Accept`` header, empty if there is none.
        named: The ``format`` parameter: a format's name, or ``auto``.
        received: Format of the image that came in.

    Raises:
        UnsupportedOutput: ``Accept`` allows nothing that can be written.
    """
    wanted = ImageFormat.from_name(named)
    ranges = _ranges(accept)
    as_json = _first(ranges, [(wanted or received).media_type, JSON]) == JSON
    if wanted is not None:
        return Answer(wanted, as_json)
    if as_json or not ranges:
        return Answer(received, as_json)
    preferred = [received, *(each for each in ImageFormat if each is not received)]
    chosen = _first(ranges, [each.media_type for each in preferred])
    if chosen is None:
        raise UnsupportedOutput(
            f"none of the accepted types {accept!r} can be written",
            supported=[*(each.media_type for each in ImageFormat), JSON],
        )
    found = ImageFormat.from_media_type(chosen)
    assert found is not None
    return Answer(found)


def _ranges(accept: str) -> list[tuple[str, float]]:
    """Media ranges and their weights (RFC 9110, section 12.5.1), heaviest first; weights that cannot be read are 0."""
    ranges = []
    for entry in accept.split(","):
        name, *parameters = (part.strip().lower() for part in entry.split(";"))
        weight = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        if name:
            ranges.append((name, _weight(weight)))
    return sorted((each for each in ranges if each[1] > 0), key=lambda each: -each[1])


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _first(ranges: list[tuple[str, float]], offered: list[str]) -> str | None:
    """The offered type that the heaviest range covers; among those it covers, the first offered."""
    for pattern, _ in ranges:
        for name in offered:
            if pattern in (name, "*/*", f"{name.partition('/')[0]}/*"):
                return name
    return None
