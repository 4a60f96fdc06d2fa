"""The HTTP library's errors as this package's."""

from collections.abc import Iterator
from contextlib import contextmanager

from biasfree_client._errors import ConnectionFailed, ConnectTimedOut, InvalidSetting, TimedOut


@contextmanager
def wire_errors(url: object) -> Iterator[None]:
    """Translate what httpx raises while a request to ``url`` is sent and its answer read."""
    import httpx

    try:
        yield
    except httpx.ConnectTimeout as exc:
        raise ConnectTimedOut(f"nobody took the connection to {url} in time") from exc
    except httpx.TimeoutException as exc:
        raise TimedOut(f"no answer from {url} in time ({type(exc).__name__})") from exc
    except httpx.UnsupportedProtocol as exc:
        raise InvalidSetting(f"expected an address that starts with http:// or https://, got {url}") from exc
    except httpx.RequestError as exc:
        raise ConnectionFailed(f"no whole answer from {url}: {exc or type(exc).__name__}") from exc
