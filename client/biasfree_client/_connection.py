"""How the service is reached: from arguments, else from the environment, else on this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from biasfree_client._errors import InvalidSetting
from biasfree_client._retry import DEFAULT_RETRIES, Retries
from biasfree_client._version import __version__

if TYPE_CHECKING:
    import httpx

DEFAULT_URL = "http://127.0.0.1:8000"
#: A little more than the service's own deadline of 300 s, so that it is the service that says what took so long.
DEFAULT_TIMEOUT_S = 310.0
#: A host that is there accepts a connection at once; one that is not should be told apart from one that works.
CONNECT_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Options:
    """What may differ from call to call over the same connections.

    Args:
        timeout_s: Seconds to wait for each next piece of the answer, None for ever; for the connection at most 10.
        retries: When a call is repeated.
    """

    timeout_s: float | None = DEFAULT_TIMEOUT_S
    retries: Retries = DEFAULT_RETRIES

    @property
    def timeout(self) -> httpx.Timeout:
        """As httpx takes it."""
        import httpx

        return httpx.Timeout(self.timeout_s, connect=min(CONNECT_TIMEOUT_S, self.timeout_s or CONNECT_TIMEOUT_S))


def address(url: str | None) -> str:
    """The service's address: the argument, else ``BIASFREE_URL``, else this machine's port 8000.

    Raises:
        InvalidSetting: It is no address that starts with http:// or https:// and names a host.
    """
    import httpx

    chosen = url or os.environ.get("BIASFREE_URL") or DEFAULT_URL
    try:
        parsed = httpx.URL(chosen)
    except httpx.InvalidURL as exc:
        raise InvalidSetting(f"expected an address such as {DEFAULT_URL}, got {chosen!r}: {exc}") from exc
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise InvalidSetting(f"expected an address that starts with http:// or https://, got {chosen!r}")
    return chosen


def connection(url: str | None, api_key: str | None) -> dict[str, Any]:
    """Arguments of either httpx client.

    Raises:
        InvalidSetting: The address is none, or the key cannot be sent in a header.
    """
    key = api_key or os.environ.get("BIASFREE_API_KEY")
    if key and not (key.isascii() and key.isprintable()):
        raise InvalidSetting("expected an API key of printable ASCII characters, got others")
    authorization = {"Authorization": f"Bearer {key}"} if key else {}
    return {
        "base_url": address(url),
        "headers": {"User-Agent": f"biasfree-client/{__version__}", **authorization},
    }
