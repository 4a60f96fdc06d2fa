"""Where spans are sent to, as OpenTelemetry's collector takes them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass
class Collector:
    """Attributes: url: For ``OTEL_EXPORTER_OTLP_ENDPOINT``. spans: With the name of the service that sent each."""

    url: str
    spans: list[tuple[str, Span]] = field(default_factory=list)

    def receive(self, content: bytes) -> None:
        """The body of one export."""
        for resource in ExportTraceServiceRequest.FromString(content).resource_spans:
            names = {each.key: each.value.string_value for each in resource.resource.attributes}
            self.spans += [(names["service.name"], span) for scope in resource.scope_spans for span in scope.spans]


@contextmanager
def collector() -> Iterator[Collector]:
    """OTLP over HTTP on a free port of this machine, until the context ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # http.server's name
            content = self.rfile.read(int(self.headers["Content-Length"]))
            if known := self.path == "/v1/traces":
                ours.receive(content)
            self.send_response(200 if known else 404)
            self.end_headers()

        def log_message(self, format: str, *values: object) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    ours = Collector(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield ours
    finally:
        server.shutdown()
        server.server_close()
