"""The connection to the service: address, key and timeouts, and the HTTP library's errors as this package's."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from biasfree_client._errors import ConnectionFailed, ConnectTimedOut, InvalidSetting, TimedOut
from biasfree_client._retry import DEFAULT_RETRIES, Retries
from biasfree_client._version import __version__

if TYPE_CHECKING:
    import httpx

HttpT = TypeVar("HttpT")

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

    Raises:
        InvalidSetting: The timeout is not a number above 0, or the policy is none.
    """

    timeout_s: float | None = DEFAULT_TIMEOUT_S
    retries: Retries = DEFAULT_RETRIES

    def __post_init__(self) -> None:
        timeout_s, retries = self.timeout_s, self.retries
        if timeout_s is not None and not (isinstance(timeout_s, int | float) and 0 < timeout_s < math.inf):
            raise InvalidSetting(f"timeout must be seconds above 0, or None for no limit, not {timeout_s!r}")
        if not isinstance(retries, Retries):
            raise InvalidSetting(f"retries must be a policy such as Retries(tries=3), not {retries!r}")

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
    # Files and variables often end in a blank or a line break, which no header may.
    key = (api_key or os.environ.get("BIASFREE_API_KEY") or "").strip()
    if key and not (key.isascii() and key.isprintable()):
        raise InvalidSetting("The API key must consist of printable ASCII characters")
    authorization = {"Authorization": f"Bearer {key}"} if key else {}
    return {
        "base_url": address(url),
        "headers": {"User-Agent": f"biasfree-client/{__version__}", **authorization},
    }


class Connections(Generic[HttpT]):
    """An httpx client for each process and event loop: neither may use the connections of another.

    It can be pickled, without its connections.

    Args:
        make: ``httpx.Client`` or ``httpx.AsyncClient``.
        settings: From ``connection``.
        transport: An httpx transport to use instead of the network.

    Raises:
        InvalidSetting: A proxy or certificate variable is wrong.
    """

    def __init__(self, make: Callable[..., HttpT], settings: dict[str, Any], transport: Any) -> None:
        self._make, self._settings, self._transport = make, settings, transport
        self._held: tuple[object, HttpT] | None = None
        # Wrong variables are an error at once, not at the first image.
        _ = self.here

    @property
    def here(self) -> HttpT:
        """Return the client of this process and event loop."""
        place = (os.getpid(), _running_loop())
        if self._held is None or self._held[0] != place:
            self._held = (place, self._new())
        return self._held[1]

    def _new(self) -> HttpT:
        import httpx

        try:
            return self._make(**self._settings, transport=self._transport)
        except (ValueError, OSError, ImportError, httpx.InvalidURL) as exc:
            raise InvalidSetting(
                f"Cannot set up connections: {exc}; check the variables ALL_PROXY, HTTP_PROXY, HTTPS_PROXY, NO_PROXY, "
                "SSL_CERT_FILE and SSL_CERT_DIR"
            ) from exc

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_held": None}


def _running_loop() -> object:
    """Return the event loop of this thread, or None; without importing asyncio where nothing has."""
    asyncio = sys.modules.get("asyncio")
    try:
        return None if asyncio is None else asyncio.get_running_loop()
    except RuntimeError:
        return None


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
