"""The progress of a call."""

import asyncio
import threading

import httpx
import pytest

from biasfree_client import AsyncDenoiser, Denoiser, Progress, Retries
from tests.unit.client.conftest import FakeService

PNG = b"\x89PNG\r\n\x1a\n an image"
RUNNING = {"request_id": "r", "state": "running", "place": None, "tiles_done": 3, "tiles_total": 9, "seconds_left": 4.4}


def answers() -> list[httpx.Response]:
    """Return some answers that say nothing, and two that tell the progress."""
    return [
        httpx.Response(404, json={"status": 404}, headers={"Content-Type": "application/problem+json"}),
        httpx.Response(200, json=[]),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=RUNNING),
        httpx.Response(200, json=RUNNING),
    ]


#: A receiver's error ends its thread, after the call perhaps.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


class Asked:
    """A service that answers an image when it was asked for its progress a few times."""

    def __init__(self, answers):
        self.answers, self.enough = list(answers), threading.Event()
        self.ids: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer an image or a question."""
        if request.method == "POST":
            self.ids.append(request.headers["X-Request-Id"])
            assert self.enough.wait(60)
            return FakeService.echo(request)
        assert request.url.path == f"/requests/{self.ids[0]}"
        if len(self.answers) <= 1:
            self.enough.set()
        return self.answers.pop(0) if self.answers else httpx.Response(404)

    async def later(self, request: httpx.Request) -> httpx.Response:
        """Do the same for asyncio."""
        return await asyncio.to_thread(self, request)


@pytest.fixture
def quick(monkeypatch):
    """Ask often."""
    monkeypatch.setattr("biasfree_client._progress.EVERY_S", 0.01)


def test_progress_is_told_while_the_call_lasts(quick):
    """Questions that get no answer are no failure of the call."""
    told: list[Progress] = []
    service = Asked(answers())
    result = Denoiser(transport=httpx.MockTransport(service)).denoise(PNG, progress=told.append)
    assert result.content == PNG
    assert told[0] == Progress("running", None, 3, 9, 4.4)
    assert str(told[0]) == "tile 3 of 9, about 4 s left"
    count = len(told)
    assert "biasfree-progress" not in {each.name for each in threading.enumerate() if not each.daemon}
    assert len(told) == count


def test_progress_is_told_by_the_asynchronous_client(quick):
    """In the same way."""
    told: list[Progress] = []

    async def main():
        async with AsyncDenoiser(transport=httpx.MockTransport(Asked(answers()).later)) as denoiser:
            return await denoiser.denoise(PNG, progress=told.append)

    assert asyncio.run(main()).content == PNG
    assert told[0].tiles_done == 3


def test_an_error_in_the_receiver_does_not_fail_the_call(quick):
    """The call goes on without progress."""
    service = Asked(answers()[-1:])
    assert Denoiser(transport=httpx.MockTransport(service)).denoise(PNG, progress=lambda _: 1 / 0).content == PNG


def test_a_call_without_progress_sends_no_id_and_asks_nothing(service):
    """The service then chooses the id."""
    Denoiser(transport=service.transport, retries=Retries(tries=1)).denoise(PNG)
    (request,) = service.requests
    assert "X-Request-Id" not in request.headers


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (Progress("waiting", 2, seconds_left=30), "waiting, place 2, about 30 s left"),
        (Progress("waiting"), "waiting"),
        (Progress("running"), "running"),
        (Progress("running", tiles_total=4), "tile 0 of 4"),
    ],
)
def test_progress_in_words(progress, words):
    """As a person reads it."""
    assert str(progress) == words
