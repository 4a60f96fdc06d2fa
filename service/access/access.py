"""Keys and their limits, as the settings ask for them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from service.access.in_flight import PixelQuota
from service.access.keys import ApiKeys, load_keys
from service.access.rate import RateLimit
from service.settings import Settings


@dataclass(frozen=True)
class Access:
    """What holders of keys may do.

    Attributes:
        keys: That are accepted.
        rate: Requests a minute of each holder; None for any number.
        pixels: Pixels in flight of each holder; None for any number.
    """

    keys: ApiKeys
    rate: RateLimit | None = None
    pixels: PixelQuota | None = None

    @classmethod
    def of(cls, settings: Settings, *, expected_s: Callable[[], float]) -> Self | None:
        """None where no keys are asked for; raises ``KeysError`` where they cannot be read."""
        if settings.api_keys_file is None:
            return None
        per_minute, limit_px = settings.key_requests_per_minute, settings.key_pixels_in_flight
        return cls(
            keys=load_keys(settings.api_keys_file),
            rate=None if per_minute is None else RateLimit(per_minute),
            pixels=None if limit_px is None else PixelQuota(limit_px, expected_s=expected_s),
        )
