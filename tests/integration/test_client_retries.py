"""The SDK against servers that refuse, die and hang, over real sockets; both clients."""

import asyncio
import socket

import numpy as np
import pytest

from biasfree_client import AsyncDenoiser, ConnectionFailed, Denoiser, QueueFull, Retries, TimedOut
from tests.integration.misbehaving import die_in_the_middle, echo, never_answer, serving, too_busy

NOISY = np.arange(64, dtype=np.uint16).reshape(8, 8)
AT_ONCE = Retries(first_pause_s=0.001)


def denoise_sync(url, **options):
    """The synchronous client."""
    with Denoiser(url, retries=AT_ONCE) as denoiser:
        return denoiser.with_options(**options).denoise(NOISY)


def denoise_async(url, **options):
    """The asynchronous client, in a loop of its own."""

    async def run():
        async with AsyncDenoiser(url, retries=AT_ONCE) as denoiser:
            return await denoiser.with_options(**options).denoise(NOISY)

    return asyncio.run(run())


BOTH = pytest.mark.parametrize("denoise", [denoise_sync, denoise_async])


@BOTH
def test_a_server_that_is_busy_twice_is_asked_a_third_time(denoise):
    """429, 429, 200: the caller notices nothing, and the same bytes were sent three times."""
    with serving(too_busy, too_busy, echo) as (url, script):
        result = denoise(url)
    np.testing.assert_array_equal(result.array, NOISY)
    assert len(script.requests) == 3
    assert len(set(script.requests)) == 1


@BOTH
def test_a_server_that_stays_busy_is_asked_so_often_and_not_more(denoise):
    """The last refusal is raised."""
    with serving(too_busy) as (url, script):
        with pytest.raises(QueueFull):
            denoise(url, retries=Retries(tries=3, first_pause_s=0.001))
        assert len(script.requests) == 3


@BOTH
def test_a_server_that_dies_mid_body_is_asked_again(denoise):
    """Half an answer is none."""
    with serving(die_in_the_middle, echo) as (url, script):
        np.testing.assert_array_equal(denoise(url).array, NOISY)
    assert len(script.requests) == 2


@BOTH
def test_a_server_that_always_dies_mid_body_is_a_failed_connection(denoise):
    """And never half an image."""
    with serving(die_in_the_middle) as (url, script):
        with pytest.raises(ConnectionFailed, match="No complete answer"):
            denoise(url)
        assert len(script.requests) == Retries().tries


@BOTH
def test_a_slow_server_is_given_up_after_the_timeout_and_not_asked_again(denoise):
    """It may still be at work; a second request would only add to it."""
    with serving(never_answer) as (url, script):
        with pytest.raises(TimedOut, match=url):
            denoise(url, timeout=0.2)
        assert len(script.requests) == 1


@BOTH
def test_nobody_at_the_address_is_a_failed_connection(denoise):
    """A port that was just given back."""
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    with pytest.raises(ConnectionFailed, match=f"127.0.0.1:{port}"):
        denoise(f"http://127.0.0.1:{port}")
