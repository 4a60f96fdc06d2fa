"""Limits on a connection before its request is complete: the time for its headers, and their size."""

import asyncio
from typing import Any

from httptools import HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: Time from the start of a connection, or the end of its last answer, to the end of the next headers. A browser may
#: open a connection some seconds before it uses it; no genuine client is slower than this.
HEADERS_WITHIN_S = 20.0
#: As in other servers; without a limit a client could fill the memory with one header.
MOST_HEADER_BYTES = 64 * 1024
#: The headers that offer an upgrade.
OFFERS = frozenset({b"upgrade", b"http2-settings"})


class Parser(HttpRequestParser):
    """A parser that keeps what follows the headers of an offer to upgrade, which it does not read itself."""

    rest = b""

    def feed_data(self, data: Any) -> None:
        """Parse further bytes.

        Raises:
            HttpParserUpgrade: They end the headers of a request that offers an upgrade; ``rest`` has what follows them.
        """
        try:
            super().feed_data(data)
        except HttpParserUpgrade as exc:
            self.rest = bytes(data[exc.args[0] :])
            raise


class BoundedConnection(HttpToolsProtocol):
    """A uvicorn connection with a time limit for the headers, for which uvicorn itself waits forever.

    The same limit ends a body that still arrives after its request has been answered, with 413 for example. The routes
    limit the body of an open request to ``timeout_s``.
    """

    headers_within_s = HEADERS_WITHIN_S

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._deadline: asyncio.TimerHandle | None = None
        self._in_headers = False
        self._header_bytes = 0
        self._between, self._declined = True, False
        self.parser: Parser = self._new_parser()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Start waiting for headers."""
        super().connection_made(transport)
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting for headers."""
        self._have_headers()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Process received bytes, and limit the size of the headers."""
        self._parse(data)
        while self._declined:
            self._parse(self._without_upgrade())

    def _parse(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_headers:
            self._header_bytes += len(data)
            if self._header_bytes > MOST_HEADER_BYTES:
                self._refuse(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        """Start counting the bytes of the headers."""
        super().on_message_begin()
        self._in_headers, self._between, self._header_bytes = True, False, 0
        if self._deadline is None:
            self._await_headers()

    def on_headers_complete(self) -> None:
        """Start to answer a request."""
        self._in_headers = False
        self._have_headers()
        # A CONNECT is an upgrade by itself, and no path has that method.
        offered = self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        self._declined = offered and not self._should_upgrade()
        if not self._declined:
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Handle the end of a request's body."""
        self._between = True
        if not self._declined:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Limit the time for the rest of an answered request's body; uvicorn limits idle connections."""
        super().on_response_complete()
        if self.cycle.response_complete and not self._between and not self.transport.is_closing():
            self._await_headers()

    def _unsupported_upgrade_warning(self) -> None:
        """Suppress the warning, since many clients offer HTTP/2 by default."""

    def _without_upgrade(self) -> bytes:
        """Return a request without its declined offer to upgrade, and all that followed, for a new parser.

        The parser stops at the end of such headers, and the body would be lost (RFC 9110, section 7.8: a server may
        ignore the offer). Java's HttpClient, Ktor and ``curl --http2`` offer HTTP/2 (h2c) with every request.
        """
        self._declined = False
        stopped, self.parser = self.parser, self._new_parser()
        version = stopped.get_http_version().encode()
        lines = [
            b"%s %s HTTP/%s" % (stopped.get_method(), self.url, version),
            *(b"%s: %s" % (name, value) for name, value in self.headers if name not in OFFERS),
        ]
        return b"\r\n".join(lines) + b"\r\n\r\n" + stopped.rest

    def _new_parser(self) -> Parser:
        parser = Parser(self)
        # As uvicorn does: a request after the last one is ignored, and does not take its answer away.
        parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return parser

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
