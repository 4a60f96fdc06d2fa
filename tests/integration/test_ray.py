"""The service on a real Ray cluster of this machine."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from pydantic import ValidationError

pytest.importorskip("ray", reason="an extra, and not installed here: pip install '.[ray]'")
from bench.failures import kill
from bench.ray import replicas
from bench.ray.cluster import Cluster, cluster, wait_until
from deploy.ray.application import Replica, build
from service.app import start
from service.errors import NotReady
from service.settings import Settings
from tests.collector import Collector, collector
from tests.integration.images import NPY, npy


@pytest.fixture(scope="module")
def received() -> Iterator[Collector]:
    """Spans of what Serve runs."""
    with collector() as ours:
        yield ours


@pytest.fixture(scope="module")
def one(received: Collector, gray_alone: Path) -> Iterator[Cluster]:
    """One replica behind Serve's proxy; ``serve.yaml`` as it is, but for a limit and the log."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", received.url)
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        patch.setenv("BIASFREE_MODELS_DIR", str(gray_alone))
        with cluster() as ours:
            ours.deploy(settings={"max_body_bytes": 1_000_000, "log_format": "json"}, deployment={})
            ours.wait_for_replicas(1)
            yield ours


@pytest.fixture
def url(one: Cluster) -> str:
    """Of Serve's proxy."""
    return one.url


def test_a_replica_is_the_whole_service(url: str) -> None:
    """Readiness, settings of the configuration as limits, problems, and one request id."""
    assert httpx.get(f"{url}/readyz").json()["status"] == "ready"
    too_large = httpx.post(f"{url}/denoise", content=bytes(2_000_000), headers=NPY | {"X-Request-Id": "mine"})
    assert (too_large.status_code, too_large.json()["limit"]) == (413, 1_000_000)
    assert too_large.headers.get_list("x-request-id") == [too_large.json()["request_id"]] == ["mine"]


def test_analyses_keep_their_process(url: str) -> None:
    """It would die with the first task that asked for one, in an event loop that runs for ever as Serve's does."""
    patch = npy(np.random.default_rng(0).random((12, 12), np.float32))
    answers = [httpx.post(f"{url}/analyze", content=patch, headers=NPY, timeout=120) for _ in range(3)]
    assert [each.status_code for each in answers] == [200] * 3, answers[0].text


def test_spans_and_log_are_those_of_the_settings(one: Cluster, received: Collector) -> None:
    """A request's spans arrive, and its line in Ray's logs is JSON with the same trace."""
    answer = httpx.post(f"{one.url}/denoise", content=npy(np.ones((40, 30), np.uint8)), headers=NPY)
    assert answer.status_code == 200
    request_id = answer.headers["x-request-id"]
    names = {"POST /denoise", "decode", "queue", "infer", "encode"}
    wait_until(lambda: names <= {span.name for _, span in received.spans}, "its spans", lambda: received.spans)
    wait_until(lambda: bool(_lines(one.logs, request_id)), "its line in the log", lambda: list(one.logs.rglob("*")))
    (line,) = _lines(one.logs, request_id)
    assert (line["route"], line["status"], line["outcome"]) == ("/denoise", 200, "ok")
    assert line["trace_id"] in {span.trace_id.hex() for _, span in received.spans}


def _lines(logs: Path, request_id: str) -> list[dict[str, object]]:
    """Of one request, in JSON."""
    texts = [each.read_text(errors="replace") for each in logs.rglob("*") if each.is_file()]
    lines = [line for text in texts for line in text.splitlines() if line.startswith("{") and request_id in line]
    return [json.loads(line) for line in lines]


def test_replicas_are_added_killed_and_replaced_and_the_sdk_loses_nothing(
    one: Cluster, gray_alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trial of ``python -m bench.ray``, shorter: what was at a killed replica is 503, and all else 200."""
    monkeypatch.setenv("BIASFREE_MODELS_DIR", str(gray_alone))  # for the service that it is compared with
    monkeypatch.setattr(replicas, "PAUSE_S", 0.5)
    # Serve would look at the load every 10 s, and the clients keep the processor busy until it does.
    often = {"upscale_delay_s": 0.5, "metrics_interval_s": 0.5, "look_back_period_s": 2}
    monkeypatch.setattr(replicas, "AUTOSCALING", replicas.AUTOSCALING | often)
    monkeypatch.setattr(kill, "PAUSE_S", 0.5)  # the kill comes after half of it, when these calls are far from done
    for module in (kill, replicas):
        monkeypatch.setattr(module, "CALLS", 10)
    _, same, _, meanwhile, killed, _, sdk, replaced, _ = replicas.trial(one)
    assert [same.ours, sdk.ours] == ["0 of 30", sdk.wanted]
    assert meanwhile.ours.startswith("0 of ")
    assert replaced.ours.startswith("0 of ")
    count, _, statuses = killed.ours.partition(" of ")
    assert int(count) <= replicas.CROWD
    assert statuses.count("503") == int(count)


def test_serve_learns_that_a_replica_is_not_ready(stand_ins: Path) -> None:
    """By the service's own readiness."""
    service = start(Settings(device="cpu", models_dir=stand_ins))
    replica = object.__new__(Replica)
    replica._service = service
    replica.check_health()
    service.draining.set()
    with pytest.raises(NotReady, match="shutting down"):
        replica.check_health()


def test_a_misspelt_setting_is_refused_before_anything_starts() -> None:
    """When the configuration is read."""
    with pytest.raises(ValidationError, match="devise"):
        build({"devise": "cpu"})
