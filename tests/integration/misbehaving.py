"""A real HTTP server on loopback whose answers are written by the test, byte by byte."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Script:
    """What the server does with each request, in their order; the last for all that follow.

    Args:
        acts: Each is given the handler, whose ``received`` is the body.
        requests: Bodies that came.
        came: Set when the first of them is there.
        over: Set when the test is over, for those who answer never.
    """

    acts: list[Callable[["Handler"], None]]
    requests: list[bytes] = field(default_factory=list)
    came: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)


class Handler(BaseHTTPRequestHandler):
    """Hands every request to the script."""

    protocol_version = "HTTP/1.1"
    script: Script
    received: bytes

    def do_POST(self) -> None:
        """One request."""
        self.received = self.rfile.read(int(self.headers["Content-Length"]))
        place = len(self.script.requests)
        self.script.requests.append(self.received)
        self.script.came.set()
        self.script.acts[min(place, len(self.script.acts) - 1)](self)

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""


def answer(handler: Handler, status: int, body: bytes, **headers: str) -> None:
    """An ordinary answer."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def echo(handler: Handler) -> None:
    """200 with the image that came."""
    answer(handler, 200, handler.received, Content_Type=handler.headers["Content-Type"])


def too_busy(handler: Handler) -> None:
    """429, to be tried again at once."""
    body = b'{"type": "urn:biasfree:problem:queue-full", "title": "Too much work is queued", "status": 429}'
    answer(handler, 429, body, Content_Type="application/problem+json", Retry_After="0")


def die_in_the_middle(handler: Handler) -> None:
    """Announces the whole answer, sends half of it, and hangs up."""
    handler.send_response(200)
    handler.send_header("Content-Type", handler.headers["Content-Type"])
    handler.send_header("Content-Length", str(len(handler.received)))
    handler.end_headers()
    handler.wfile.write(handler.received[: len(handler.received) // 2])
    handler.close_connection = True


def never_answer(handler: Handler) -> None:
    """Takes the request, and says nothing until the test is over."""
    handler.script.over.wait(timeout=60)
    handler.close_connection = True


@contextmanager
def serving(*acts: Callable[[Handler], None]) -> Iterator[tuple[str, Script]]:
    """The address of such a server, and its script."""
    script = Script(list(acts))
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("ScriptedHandler", (Handler,), {"script": script}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", script
    finally:
        script.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
