"""OpenTelemetry traces, if the standard variables enable them; otherwise its SDK is not imported."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from opentelemetry import trace
from opentelemetry.trace import SpanContext, Status, StatusCode, Tracer, TracerProvider

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.sdk.trace.export import SpanExporter

    from service.queue.ledger import BatchRun

#: Any of these enables traces, unless ``OTEL_TRACES_EXPORTER=none`` or ``OTEL_SDK_DISABLED=true``.
ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
PROTOCOL = "http/protobuf"


class TracingUnavailable(Exception):
    """Traces are enabled but cannot be sent."""


@dataclass(frozen=True)
class Traces:
    """A destination for spans.

    Attributes:
        provider: Creates the spans.
        end: Sends the remaining spans.
    """

    provider: TracerProvider
    end: Callable[[], None]


def from_environment(environment: Mapping[str, str] = os.environ, *, known_query: Sequence[str] = ()) -> Traces | None:
    """Return the traces enabled by the standard variables, or None.

    Args:
        environment: Environment variables. From the process's own, the exporter itself reads its endpoint, headers,
            certificates and timeouts, and the provider its sampler and resource.
        known_query: Query parameters whose values may be recorded.

    Raises:
        TracingUnavailable: An exporter or protocol is not supported, or the extra ``tracing`` is not installed.
    """
    name = environment.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if not name and any(environment.get(each) for each in ENDPOINTS):
        name = "otlp"
    if name in ("", "none") or environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    if name not in ("otlp", "console"):
        raise TracingUnavailable(f"OTEL_TRACES_EXPORTER={name} is not supported: use otlp, console or none")
    try:
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SimpleSpanProcessor

        if name == "console":
            return traces(SimpleSpanProcessor(ConsoleSpanExporter()), known_query=known_query)
        return traces(BatchSpanProcessor(_otlp(environment)), known_query=known_query)
    except ModuleNotFoundError as exc:
        raise TracingUnavailable(
            "OTEL_* variables enable traces, but OpenTelemetry's SDK is not installed: run pip install '.[tracing]'"
        ) from exc


def traces(processor: "SpanProcessor", *, known_query: Sequence[str] = ()) -> Traces:
    """Create traces with a separate provider instead of the global one, since tests need many.

    Args:
        processor: Destination of the spans.
        known_query: Query parameters whose values may be recorded.
    """
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import SpanProcessor as Base
    from opentelemetry.sdk.trace import TracerProvider as SdkProvider

    class Redaction(Base):
        """A processor that redacts the values of unknown query parameters, which may be anything, even a key."""

        def on_start(self, span: trace.Span, parent_context: object = None) -> None:
            query = getattr(span, "attributes", None) or {}
            if text := query.get("url.query"):
                span.set_attribute("url.query", _known(text, known_query))

    ours = Resource.create({"service.name": "biasfree", "service.version": version("biasfree")})
    # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES take precedence over these values.
    made = SdkProvider(resource=ours.merge(OTELResourceDetector().detect()))
    made.add_span_processor(Redaction())
    made.add_span_processor(processor)
    return Traces(made, made.shutdown)


def _otlp(environment: Mapping[str, str]) -> "SpanExporter":
    protocol = environment.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environment.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    if protocol and protocol.strip().lower() != PROTOCOL:
        raise TracingUnavailable(f"OTEL_EXPORTER_OTLP_PROTOCOL={protocol} is not supported: use {PROTOCOL}")
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter()


def _known(query: str, names: Sequence[str]) -> str:
    pairs = parse_qsl(query, keep_blank_values=True)
    return urlencode([(name, value) if name in names else ("other", "REDACTED") for name, value in pairs])


def current_ids() -> dict[str, str]:
    """Return ``trace_id`` and ``span_id`` of the current span for the log; empty if there is none."""
    context: SpanContext = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {"trace_id": trace.format_trace_id(context.trace_id), "span_id": trace.format_span_id(context.span_id)}


@contextmanager
def stage(tracer: Tracer, name: str) -> Iterator[None]:
    """Record a span for one stage; an error that ends it is recorded by its class, without its message."""
    with tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False) as span:
        try:
            yield
        except BaseException as exc:
            span.set_attribute("error.type", type(exc).__name__)
            span.set_status(Status(StatusCode.ERROR))
            raise


def batches(tracer: Tracer, model: str, runs: Sequence["BatchRun"]) -> None:
    """Record spans for the time that tiles waited for their first batch, and for each of their batches."""
    if not runs:
        return
    # The queue uses a monotonic clock, spans use calendar time.
    offset_s = time.time() - time.monotonic()
    _past(
        tracer, "queue", min(run.queued_s for run in runs) + offset_s, min(run.start_s for run in runs) + offset_s, {}
    )
    for run in runs:
        facts: dict[str, str | int] = {
            "biasfree.model": model,
            "biasfree.batch.tiles": run.tiles,
            "biasfree.batch.pixels": run.pixels,
        }
        _past(tracer, "infer", run.start_s + offset_s, run.end_s + offset_s, facts)


def _past(tracer: Tracer, name: str, start_s: float, end_s: float, attributes: Mapping[str, str | int]) -> None:
    span = tracer.start_span(name, start_time=int(start_s * 1e9), attributes=dict(attributes))
    span.end(int(end_s * 1e9))
