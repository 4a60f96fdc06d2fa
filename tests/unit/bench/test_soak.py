import numpy as np
import pytest

from bench.soak import growth_bytes, random_requests

MEGABYTE = 10**6


def test_steady_memory_has_not_grown() -> None:
    """A flat line gives zero."""
    assert growth_bytes([500 * MEGABYTE] * 60) == 0


def test_what_is_filled_in_the_first_third_is_no_growth() -> None:
    """Arenas and caches fill up once."""
    filling = [index * 10 * MEGABYTE for index in range(20)]
    assert growth_bytes(filling + [200 * MEGABYTE] * 40) == 0


@pytest.mark.parametrize("count", [20, 60, 100, 1000])
def test_a_steady_leak_shows_with_45_percent_of_what_it_keeps(count: int) -> None:
    """From the middle to the middle of the last tenth are 9/20 of the time."""
    leaking = [round(index / count * 1000 * MEGABYTE) for index in range(count)]
    assert growth_bytes(leaking) == pytest.approx(450 * MEGABYTE, rel=0.06)


@pytest.mark.parametrize("place", [30, 59])
def test_one_large_request_at_the_moment_of_a_sample_decides_nothing(place: int) -> None:
    """Medians, because a sample may fall on a peak."""
    samples = [500 * MEGABYTE] * 60
    samples[place] = 900 * MEGABYTE
    assert growth_bytes(samples) == 0


def test_memory_that_is_given_back_is_negative_growth() -> None:
    """The sign is kept."""
    assert growth_bytes([500 * MEGABYTE] * 60 + [400 * MEGABYTE] * 40) == -100 * MEGABYTE


def test_too_few_samples_say_nothing() -> None:
    """A tenth of them has to be one at least."""
    with pytest.raises(ValueError, match="9 samples are too few: at least 10"):
        growth_bytes([0] * 9)


def test_the_same_seed_sends_the_same_images() -> None:
    """The leaking server gets what the service got."""
    first, second = (random_requests(20, (8, 64), np.random.default_rng(3)) for _ in range(2))
    assert first == second
    assert all(8**2 <= each.pixels <= 64**2 for each in first)
    assert {each.content_type for each in first} == {"application/x-npy", "image/png"}
