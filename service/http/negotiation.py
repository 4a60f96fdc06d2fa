"""Content negotiation: the format of the answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.errors import UnsupportedOutput
from service.imaging import ImageFormat

JSON = "application/json"
#: A name for any bytes: it asks for the image, in whatever format.
ANY_BYTES = "application/octet-stream"
#: Formats that browsers and Java's HttpClient name in every request.
NAMED_BY_DEFAULT = (ImageFormat.JPEG, ImageFormat.WEBP, ImageFormat.AVIF)
#: Types that only programs name that show pages: the formats beside them are those that they show, not a wish.
OF_PAGES = frozenset({"text/html", "application/xhtml+xml", "image/svg+xml"})


@dataclass(frozen=True)
class Answer:
    """The image format of the answer, possibly wrapped in JSON."""

    format: ImageFormat
    as_json: bool = False


def negotiate(accept: str, *, wanted: ImageFormat | None, possible: Sequence[ImageFormat]) -> Answer:
    """Choose the answer's format: the ``format`` parameter, then ``Accept``, then the first possible format.

    Browsers and Java's HttpClient name JPEG, WebP or AVIF by default, with ``*/*``. These are therefore taken only
    where ``Accept`` allows nothing else, or where the image came so. Firefox names PNG as well: programs that ask for
    pages get the first possible format, if they take it at all. ``application/octet-stream`` is that format too.

    Args:
        accept: The ``Accept`` header, empty if there is none.
        wanted: The ``format`` parameter, already checked to be possible; None for ``auto``.
        possible: Formats that can hold the result, the input's format first.

    Raises:
        UnsupportedOutput: ``Accept`` allows none of the possible formats.
    """
    ranges = _ranges(accept or "*/*")
    candidates = possible if wanted is None else [wanted]
    weights = [_weight(ranges, each.media_type) for each in candidates]
    weights[0] = max(weights[0], ranges.get(ANY_BYTES, 0.0))
    faithful = [
        0.0 if index and each in NAMED_BY_DEFAULT else weight
        for index, (each, weight) in enumerate(zip(candidates, weights, strict=True))
    ]
    if weights[0] > 0 and not OF_PAGES.isdisjoint(ranges):
        faithful = [weights[0], *(0.0 for _ in candidates[1:])]
    weights = faithful if max(faithful) > 0 else weights
    as_json = _weight(ranges, JSON)
    best = max(weights)
    if as_json > best:
        return Answer(candidates[0], as_json=True)
    if wanted is not None or best > 0:
        return Answer(candidates[weights.index(best)])
    raise UnsupportedOutput(
        f"this image is not available in any of the requested media types: {accept}",
        supported=[*(each.media_type for each in possible), JSON],
    )


def preferred(accept: str, media_types: Sequence[str]) -> str:
    """Return the media type that ``Accept`` prefers; among equals the first.

    Args:
        accept: The ``Accept`` header, empty if there is none.
        media_types: The available media types.

    Raises:
        UnsupportedOutput: ``Accept`` allows none of them.
    """
    ranges = _ranges(accept or "*/*")
    best = max(media_types, key=lambda each: _weight(ranges, each))
    if _weight(ranges, best) == 0:
        raise UnsupportedOutput(
            f"not available in any of the requested media types: {accept}", supported=list(media_types)
        )
    return best


def _ranges(accept: str) -> dict[str, float]:
    """Parse media ranges and their weights (RFC 9110, section 12.5.1); an invalid weight is 0.

    A format has one name here, whichever of its names ``Accept`` has: ``image/jpg`` is ``image/jpeg``.
    """
    ranges: dict[str, float] = {}
    for entry in accept.split(","):
        name, *parameters = (part.strip().lower() for part in entry.split(";"))
        quality = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        try:
            weight = float(quality)
        except ValueError:
            weight = 0.0
        format = ImageFormat.from_media_type(name)
        # Java sends "*" for "*/*".
        known = "*/*" if name == "*" else format.media_type if format else name
        # NaN is no weight.
        ranges[known] = max(ranges.get(known, 0.0), weight if 0 <= weight <= 1 else 0.0)
    return ranges


def _weight(ranges: dict[str, float], media_type: str) -> float:
    """Return the weight of the most specific range that covers a type; 0 if none does."""
    for pattern in (media_type, f"{media_type.partition('/')[0]}/*", "*/*"):
        if pattern in ranges:
            return ranges[pattern]
    return 0.0
