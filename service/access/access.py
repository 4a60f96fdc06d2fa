"""The keys and limits defined by the settings."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from service.access.in_flight import PixelQuota
from service.access.keys import ApiKeys, load_keys
from service.access.rate import RateLimit
from service.settings import Settings


@dataclass(frozen=True)
class Access:
    """The accepted keys and the limits of their holders.

    Attributes:
        keys: The accepted keys.
        rate: Requests per minute and holder; None for no limit.
        pixels: Pixels in flight per holder; None for no limit.
    """

    keys: ApiKeys
    rate: RateLimit | None = None
    pixels: PixelQuota | None = None

    @classmethod
    def of(cls, settings: Settings, *, expected_s: Callable[[], float]) -> Self | None:
        """Create the access control, or return None if the settings require no keys.

        Raises:
            KeysError: The file of keys cannot be used.
        """
        if settings.api_keys_file is None:
            return None
        per_minute, limit_px = settings.key_requests_per_minute, settings.key_pixels_in_flight
        return cls(
            keys=load_keys(settings.api_keys_file),
            rate=None if per_minute is None else RateLimit(per_minute),
            pixels=None if limit_px is None else PixelQuota(limit_px, expected_s=expected_s),
        )
