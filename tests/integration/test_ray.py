"""The service on a real Ray cluster of this machine."""

from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from pydantic import ValidationError

pytest.importorskip("ray", reason="an extra, and not installed here: pip install '.[ray]'")
from deploy.ray import replicas
from deploy.ray.application import Replica, build
from deploy.ray.cluster import cluster
from service.errors import NotReady
from service.routes.running import Running
from tests.integration.images import NPY, npy


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Of one replica behind Serve's proxy; ``serve.yaml`` as it is."""
    with cluster() as one:
        one.deploy(settings={"max_body_bytes": 1_000_000}, deployment={})
        one.wait_for_replicas(1)
        yield one.url


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


def test_replicas_are_added_killed_and_replaced_and_the_sdk_loses_nothing() -> None:
    """The trial of ``python -m deploy.ray``: what was at a killed replica is 503, and all else 200."""
    _, same, _, meanwhile, killed, _, sdk, replaced, _ = replicas.rows()
    assert [same.ours, sdk.ours] == ["0 of 30", sdk.wanted]
    assert meanwhile.ours.startswith("0 of ")
    assert replaced.ours.startswith("0 of ")
    count, _, statuses = killed.ours.partition(" of ")
    assert int(count) <= replicas.CROWD
    assert statuses.count("503") == int(count)


def test_serve_learns_that_a_replica_is_not_ready(service: Running) -> None:
    """By the service's own readiness."""
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
