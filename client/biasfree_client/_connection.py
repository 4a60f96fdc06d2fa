"""The connection to the service: address, key and timeouts, and the HTTP library's errors as this package's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from biasfree_client._errors import ConnectionFailed, ConnectTimedOut, InvalidSetting, TimedOut
from biasfree_client._retry import DEFAULT_RETRIES, Retries
from biasfree_client._version import __version__

if TYPE_CHECKING:
    import httpx

DEFAULT_URL = "http://127.0.0.1:8000"
#: Slightly longer than the service's own deadline of 300 s, whose error says which stage took so long.
DEFAULT_TIMEOUT_S = 310.0
#: A running host accepts connections immediately; without a separate limit, an absent one would look like a busy one.
CONNECT_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Options:
    """Options that may change from call to call over the same connections.

    Args:
        timeout_s: Seconds to wait for each next piece of the answer, None for no limit; at most 10 to connect.
        retries: The retry policy.
    """

    timeout_s: float | None = DEFAULT_TIMEOUT_S
    retries: Retries = DEFAULT_RETRIES

    @property
    def timeout(self) -> httpx.Timeout:
        """Return the timeouts for httpx."""
        import httpx

        return httpx.Timeout(self.timeout_s, connect=min(CONNECT_TIMEOUT_S, self.timeout_s or CONNECT_TIMEOUT_S))


def address(url: str | None) -> str:
    """Return the service's address: the argument, then ``BIASFREE_URL``, then port 8000 on this machine.

    Raises:
        InvalidSetting: It does not start with http:// or https://, or has no host.
    """
    import httpx

    chosen = url or os.environ.get("BIASFREE_URL") or DEFAULT_URL
    try:
        parsed = httpx.URL(chosen)
    except httpx.InvalidURL as exc:
        raise InvalidSetting(f"Invalid service address {chosen!r}: {exc}; use one such as {DEFAULT_URL}") from exc
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise _no_address(repr(chosen))
    return chosen


def connection(url: str | None, api_key: str | None) -> dict[str, Any]:
    """Return the arguments of an httpx client, synchronous or not.

    Raises:
        InvalidSetting: The address is invalid, or the key cannot be sent in a header.
    """
    key = api_key or os.environ.get("BIASFREE_API_KEY")
    if key and not (key.isascii() and key.isprintable()):
        raise InvalidSetting("The API key must consist of printable ASCII characters")
    authorization = {"Authorization": f"Bearer {key}"} if key else {}
    return {
        "base_url": address(url),
        "headers": {"User-Agent": f"biasfree-client/{__version__}", **authorization},
    }


@contextmanager
def wire_errors(url: object) -> Iterator[None]:
    """Translate the errors of httpx while a request to ``url`` is sent and its answer received."""
    import httpx

    try:
        yield
    except httpx.ConnectTimeout as exc:
        raise ConnectTimedOut(f"Timed out connecting to {url}") from exc
    except httpx.TimeoutException as exc:
        raise TimedOut(f"No answer from {url} within the timeout ({type(exc).__name__}); try a longer one") from exc
    except httpx.UnsupportedProtocol as exc:
        raise _no_address(str(url)) from exc
    except httpx.ConnectError as exc:
        raise ConnectionFailed(f"Cannot reach {url}: {exc or type(exc).__name__}") from exc
    except httpx.RequestError as exc:
        raise ConnectionFailed(f"No complete answer from {url}: {exc or type(exc).__name__}") from exc


def _no_address(url: str) -> InvalidSetting:
    return InvalidSetting(f"Invalid service address {url}: it must start with http:// or https:// and name a host")
