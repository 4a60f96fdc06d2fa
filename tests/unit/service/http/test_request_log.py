"""The log line and metrics of a request whose client is gone."""

import logging

import pytest
from prometheus_client import generate_latest
from starlette.responses import PlainTextResponse
from starlette.types import Message

from service.http.request_log import RequestLog
from service.http.request_record import OTHER
from service.http.templates import Templates
from service.telemetry.metrics import Metrics

pytestmark = pytest.mark.anyio
SCOPE = {"type": "http", "method": "GET", "path": "/models", "headers": []}


async def receive() -> Message:
    """Receive a request without a body."""
    return {"type": "http.request"}


async def test_a_client_that_leaves_as_it_is_answered_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    """uvloop closes the connection, and uvicorn learns of it in its next turn."""

    async def send(message: Message) -> None:
        raise RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")

    metrics = Metrics(models=[], reasons=[OTHER])
    with caplog.at_level(logging.INFO):
        await RequestLog(PlainTextResponse("ok"), metrics=metrics, templates=Templates([]))(dict(SCOPE), receive, send)
    assert "499" in caplog.text
    assert "client-left" in caplog.text
    assert b'rejected_total{reason="other"} 0.0' in generate_latest(metrics.registry)


async def test_any_other_failure_of_an_answer_is_raised() -> None:
    """Such as an answer that is longer than its headers say."""

    async def send(message: Message) -> None:
        raise RuntimeError("Response content longer than Content-Length")

    with pytest.raises(RuntimeError, match="longer"):
        await RequestLog(PlainTextResponse("ok"), metrics=Metrics(models=[], reasons=[OTHER]), templates=Templates([]))(
            dict(SCOPE), receive, send
        )
