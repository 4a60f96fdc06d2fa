"""Requests a minute, on a clock that is set by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.rate import WINDOW_S, Allowance, RateLimit
from service.errors import RateLimited


class Clock:
    """Seconds."""

    now = 1000.0

    def __call__(self) -> float:
        """What it shows."""
        return self.now


def refusal(limit: RateLimit, holder: str = "ann") -> float:
    """Seconds to wait of a request that is refused."""
    with pytest.raises(RateLimited) as caught:
        limit.take(holder)
    return caught.value.facts["retry_after_s"]


def test_a_burst_may_use_the_quota_and_no_more():
    """The allowance counts down, and each holder has its own."""
    limit = RateLimit(3, clock=Clock())
    assert [limit.take("ann").remaining for _ in range(3)] == [2, 1, 0]
    assert refusal(limit) == 20
    assert limit.take("bob") == Allowance(quota=3, remaining=2, reset_s=20)


def test_a_minute_later_the_quota_is_whole_again():
    """And not more than whole."""
    clock = Clock()
    limit = RateLimit(3, clock=clock)
    for _ in range(3):
        limit.take("ann")
    clock.now += 10 * WINDOW_S
    assert limit.allowance("ann") == Allowance(quota=3, remaining=3, reset_s=0)


@given(quota=st.integers(1, 5000), waited=st.floats(0, 59), early=st.floats(0.01, 0.9))
def test_retry_after_is_honest(quota, waited, early):
    """At the time it names a request is taken, and a moment before it is not."""
    clock = Clock()
    limit = RateLimit(quota, clock=clock)
    for _ in range(quota):
        limit.take("ann")
    clock.now += waited
    while limit.allowance("ann").remaining:
        limit.take("ann")
    wait = refusal(limit)
    assert math.ceil(wait) >= limit.allowance("ann").reset_s
    clock.now += wait * early
    refusal(limit)
    clock.now += wait * (1 - early) + 1e-6
    limit.take("ann")


@given(quota=st.integers(1, 100), steps=st.lists(st.floats(0, 5), max_size=200))
def test_no_minute_has_more_than_the_quota_and_what_came_in_meanwhile(quota, steps):
    """Over any time: a full bucket and the rate."""
    clock = Clock()
    limit = RateLimit(quota, clock=clock)
    taken = 0
    for step in steps:
        clock.now += step
        try:
            limit.take("ann")
        except RateLimited:
            continue
        taken += 1
    assert taken <= quota * (1 + (clock.now - Clock.now) / WINDOW_S) + 1e-6
