"""The retry policy, and that both clients follow it."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from biasfree_client import (
    AsyncDenoiser,
    BadRequest,
    ConnectionFailed,
    ConnectTimedOut,
    DeadlineExceeded,
    Denoiser,
    NotReady,
    Problem,
    QueueFull,
    Retries,
    ServerFailed,
    TimedOut,
    TooManyRequests,
    UnexpectedResponse,
    UnsupportedImage,
)

PNG = b"\x89PNG\r\n\x1a\n an image"
POLICY = Retries(tries=4, first_pause_s=1.0, longest_pause_s=3.0, longest_wait_s=10.0)


def refusal(kind, status, retry_after_s=None):
    """Make an error as the service causes it."""
    return kind(Problem("about:blank", "A title", status, None, None, retry_after_s, {}))


@pytest.mark.parametrize(
    "error",
    [
        refusal(QueueFull, 429),
        refusal(ServerFailed, 502),
        refusal(NotReady, 503),
        ConnectionFailed("refused"),
        ConnectTimedOut("nobody"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_may_pass_is_tried_again(error):
    """The pause is a random share of an upper limit that doubles; the last try is final."""
    assert [POLICY.pause_s(error, tried=tried, jitter=lambda: 1.0) for tried in (1, 2, 3, 4)] == [1, 2, 3, None]
    assert POLICY.pause_s(error, tried=1, jitter=lambda: 0.25) == 0.25


@pytest.mark.parametrize(
    "error",
    [
        refusal(BadRequest, 400),
        refusal(ServerFailed, 500),
        refusal(DeadlineExceeded, 504),
        TimedOut("slow"),
        UnexpectedResponse("HTML"),
        UnsupportedImage("None"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_will_be_the_same_again_is_final(error):
    """Permanent errors and timeouts of the answer are not retried."""
    assert POLICY.pause_s(error, tried=1) is None


def test_the_wait_is_never_shorter_than_retry_after():
    """Jitter is added to it, so that clients do not return together."""
    error = refusal(QueueFull, 429, 5.0)
    assert POLICY.pause_s(error, tried=1, jitter=lambda: 0.0) == 5
    assert POLICY.pause_s(error, tried=1, jitter=lambda: 0.5) == 5.5


def test_a_retry_after_beyond_the_longest_wait_is_final():
    """The error is raised immediately if Retry-After exceeds the limit."""
    assert POLICY.pause_s(refusal(QueueFull, 429, 10.5), tried=1) is None


def busy_twice(service):
    """Answer 429 with Retry-After 3 twice, and then the image."""

    def answer(request: httpx.Request) -> httpx.Response:
        if len(service.requests) <= 2:
            return httpx.Response(429, headers={"Retry-After": "3"})
        return service.echo(request)

    service.answer = answer


def test_both_clients_wait_as_long_as_the_policy_says(service):
    """Each client waits twice, for three seconds and a random share of the pause."""
    pauses = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    async def denoise() -> bytes:
        async with AsyncDenoiser(transport=service.transport, sleep=sleep) as denoiser:
            return (await denoiser.denoise(PNG)).content

    busy_twice(service)
    assert Denoiser(transport=service.transport, sleep=pauses.append).denoise(PNG).content == PNG
    service.requests.clear()
    assert asyncio.run(denoise()) == PNG
    assert len(pauses) == 4
    for pause, most in zip(pauses, (3.5, 4.0, 3.5, 4.0), strict=True):
        assert 3 <= pause < most


def test_retry_after_may_be_a_date(service):
    """A past date means no wait, and an invalid value is ignored."""
    pauses = []
    for value, least, most in (
        (format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True), 25, 31),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0.5),
        ("soon", 0, 0.5),
    ):
        service.answer = lambda _, value=value: httpx.Response(503, headers={"Retry-After": value})
        with pytest.raises(NotReady):
            Denoiser(transport=service.transport, sleep=pauses.append, retries=Retries(tries=2)).denoise(PNG)
        assert least <= pauses.pop() <= most


def test_with_options_changes_only_a_copy(service):
    """The original client keeps its options."""
    patient = Denoiser(transport=service.transport, sleep=lambda _: None)
    hasty = patient.with_options(timeout=1.5, retries=Retries(tries=1))
    service.answer = lambda _: httpx.Response(429)
    for client, tries, timeout in ((hasty, 1, 1.5), (patient, 4, 310.0)):
        service.requests.clear()
        with pytest.raises(TooManyRequests):
            client.denoise(PNG)
        assert len(service.requests) == tries
        assert service.requests[0].extensions["timeout"]["read"] == timeout
    assert hasty.with_options(timeout=None)._options.retries.tries == 1
