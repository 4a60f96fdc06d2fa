"""Bounds on a connection that no request comes from: how long its headers may take, and how large they may become."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: From a connection's beginning, or the end of its last answer, to the end of the next headers. A browser may open a
#: connection some seconds before it uses it; what is slower over whole headers is no client.
HEADERS_WITHIN_S = 20.0
#: What other servers accept; without a bound a client could fill the memory with one header.
MOST_HEADER_BYTES = 64 * 1024


class BoundedConnection(HttpToolsProtocol):
    """uvicorn's connection, which by itself waits for the rest of the headers as long as the client likes.

    The same bound ends a body that still comes after its request has been answered, with 413 for example. How long the
    body of an open request may take is ``timeout_s``, which the routes see to.
    """

    headers_within_s = HEADERS_WITHIN_S

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._deadline: asyncio.TimerHandle | None = None
        self._in_headers = False
        self._header_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """A client is there."""
        super().connection_made(transport)
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._have_headers()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some bytes of headers, a body, or both."""
        super().data_received(data)
        if self._in_headers:
            self._header_bytes += len(data)
            if self._header_bytes > MOST_HEADER_BYTES:
                self._refuse(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._in_headers, self._header_bytes = True, 0

    def on_headers_complete(self) -> None:
        """A request can be answered."""
        self._in_headers = False
        self._have_headers()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """It has been."""
        super().on_response_complete()
        if self.cycle.response_complete and not self.transport.is_closing():  # else a pipelined one is next
            self._await_headers()

    def _await_headers(self) -> None:
        self._have_headers()
        self._deadline = self.loop.call_later(self.headers_within_s, self._too_late)

    def _have_headers(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        if self._in_headers:
            self._refuse(b"408 Request Timeout")
        else:
            self.transport.close()

    def _refuse(self, status: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 " + status + b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
            self.transport.close()
