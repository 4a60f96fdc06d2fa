"""Spans of requests, and when there are none."""

import os
import subprocess
import sys

import httpx
import numpy as np
import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from service.app import KNOWN_QUERY, start
from service.settings import Settings
from service.telemetry import tracing
from tests.collector import collector
from tests.integration.clients import client_of
from tests.integration.images import NPY, npy
from tests.servers import running_server

pytestmark = pytest.mark.anyio

IMAGE = npy(np.ones((40, 30), np.uint8))
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(scope="module")
def exporter():
    """What was exported."""
    return InMemorySpanExporter()


@pytest.fixture(scope="module")
async def traced(exporter, anyio_backend, gray_alone):
    """A client of a service with traces."""
    traces = tracing.traces(SimpleSpanProcessor(exporter), known_query=KNOWN_QUERY)
    async with client_of(start(Settings(device="cpu", tile_side=512, models_dir=gray_alone), traces=traces)) as client:
        yield client


async def spans_of(exporter, request):
    """Of one request, by name; each in the order in which it ended."""
    exporter.clear()
    answer = await request
    found = {}
    for span in exporter.get_finished_spans():
        found.setdefault(span.name, []).append(span)
    return answer, found


async def test_a_request_has_a_span_for_each_stage(traced, exporter):
    """In the caller's trace, in order, inside the request's; each batch says what it was."""
    request = traced.post("/denoise?model=gray", content=IMAGE, headers={**NPY, "traceparent": PARENT})
    answer, spans = await spans_of(exporter, request)
    assert answer.status_code == 200
    assert set(spans) == {"POST /denoise", "decode", "queue", "infer", "encode"}
    (root,) = spans.pop("POST /denoise")
    assert f"{root.context.trace_id:032x}" in PARENT
    assert f"{root.parent.span_id:016x}" in PARENT
    assert root.attributes["http.route"] == "/denoise"
    assert root.attributes["http.response.status_code"] == 200
    assert root.attributes["url.query"] == "model=gray"
    assert root.resource.attributes["service.name"] == "biasfree"
    ordered = [spans[name][0] for name in ("decode", "queue", "infer", "encode")]
    for span in ordered:
        assert span.context.trace_id == root.context.trace_id
        assert span.parent.span_id == root.context.span_id
        assert root.start_time <= span.start_time + 1_000_000 <= span.end_time + 2_000_000 <= root.end_time + 3_000_000
    assert sorted(ordered, key=lambda span: span.start_time) == ordered
    infer = spans["infer"][0].attributes
    assert infer["biasfree.model"] == "gray"
    assert infer["biasfree.batch.tiles"] == 1
    assert infer["biasfree.batch.pixels"] >= 40 * 30


async def test_every_batch_of_a_large_image_has_a_span(traced, exporter):
    """And all waiting is one."""
    _, spans = await spans_of(
        exporter, traced.post("/denoise?model=gray", content=npy(np.ones((700, 500), np.uint8)), headers=NPY)
    )
    assert len(spans["infer"]) > 1
    assert len(spans["queue"]) == 1


async def test_an_analysis_has_its_own(traced, exporter):
    """Decode and analyze."""
    answer, spans = await spans_of(exporter, traced.post("/analyze?size=8", content=IMAGE, headers=NPY))
    assert answer.status_code == 200
    assert set(spans) == {"POST /analyze", "decode", "analyze"}


async def test_probes_have_none(traced, exporter):
    """They come every few seconds."""
    for path in ("/healthz", "/readyz", "/metrics"):
        _, spans = await spans_of(exporter, traced.get(path))
        assert spans == {}


async def test_a_refusal_names_its_class_and_none_of_the_words_of_a_client(traced, exporter):
    """Neither the query's values nor what is in the image."""
    request = traced.post("/denoise?key=s3cret&s3cret=1&strength=1", content=b"s3cret", headers=NPY)
    answer, spans = await spans_of(exporter, request)
    assert answer.status_code == 422
    _, more = await spans_of(exporter, traced.post("/denoise", content=b"\x93NUMPY\x01\x00s3cret", headers=NPY))
    assert more["decode"][0].attributes["error.type"] in ("UndecodableImage", "UnsupportedMedia")
    assert not more["decode"][0].status.is_ok
    told = "".join(span.to_json() for each in (spans, more) for found in each.values() for span in found)
    assert "strength=1" in told
    assert "s3cret" not in told


async def test_the_log_names_the_trace(traced, caplog):
    """So that one leads to the other."""
    caplog.set_level("INFO")
    await traced.post("/denoise", content=IMAGE, headers={**NPY, "traceparent": PARENT})
    (record,) = (record for record in caplog.records if getattr(record, "route", "") == "/denoise")
    assert record.trace_id in PARENT
    assert len(record.span_id) == 16


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"},
        {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"},
    ],
)
def test_without_the_standard_variables_there_are_no_traces(environment):
    """And nothing of the SDK is needed."""
    assert tracing.from_environment(environment) is None


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "OTEL_EXPORTER_OTLP_PROTOCOL=grpc is not supported: use http/protobuf",
        ),
        ({"OTEL_TRACES_EXPORTER": "jaeger"}, "OTEL_TRACES_EXPORTER=jaeger is not supported: use otlp, console or none"),
    ],
)
def test_what_cannot_be_sent_is_refused_in_one_sentence(environment, sentence):
    """Exit status 1 and no traceback."""
    ended = subprocess.run(
        [sys.executable, "-m", "service"],
        env={**os.environ, "BIASFREE_PORT": "0", "BIASFREE_DEVICE": "cpu", **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith(sentence)
    assert len(ended.stderr.splitlines()) == 1


def test_a_process_sends_its_spans_to_the_collector_that_the_standard_variables_name(stand_ins):
    """The last of them when it ends."""
    with (
        collector() as received,
        running_server(
            OTEL_EXPORTER_OTLP_ENDPOINT=received.url,
            OTEL_SERVICE_NAME="ours",
            BIASFREE_ANALYSIS_ENABLED="false",
            BIASFREE_MODELS_DIR=str(stand_ins),
        ) as url,
    ):
        assert httpx.post(f"{url}/denoise", content=IMAGE, headers=NPY).status_code == 200
    assert {service for service, _ in received.spans} == {"ours"}
    assert {span.name for _, span in received.spans} == {"POST /denoise", "decode", "queue", "infer", "encode"}
